import { Command } from "commander";
import { EXIT, Failure } from "./failure.ts";

/** Options that every command takes, before or after its name. */
export type GlobalOptions = {
  readonly output?: string;
  readonly url?: string;
  readonly context?: string;
};

/** What the user may write about output and backend, on each command. */
export function withGlobals(command: Command): Command {
  return withOutput(command)
    .option("--url <url>", "backend to talk to, instead of the context's, STIGMER_URL or the local daemon")
    .option("--context <name>", "named backend to talk to; see stigmer context");
}

function withOutput(command: Command): Command {
  const meaning = "json, and mostly table, wide, yaml, name; unless told a table, tab-separated in a pipe";
  return command.option("-o, --output <format>", meaning);
}

/** A command's own options with the global ones, of which those nearest to the end of the line count. */
export function optionsOf<O extends object>(command: Command): O & GlobalOptions {
  const lines: Command[] = [];
  for (let at: Command | null = command; at; at = at.parent) lines.unshift(at);
  return Object.assign({}, ...lines.map((at) => at.opts())) as O & GlobalOptions;
}

/** A command without its arguments, options of its own and action. */
export function newLeaf(name: string, description: string): Command {
  return withGlobals(new Command(name)).description(description);
}

/** The same for a command that talks to no backend but this home's. */
export function newLocalLeaf(name: string, description: string): Command {
  return withOutput(new Command(name)).description(description);
}

/** A word under which commands stand: `stigmer agent create`. */
export function newGroup(name: string, description: string, commands: readonly Command[]): Command {
  const group = new Command(name).description(description).enablePositionalOptions();
  for (const command of commands) group.addCommand(command);
  return group;
}

/** Repeats of one option, in order. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** A whole number of at least 1. */
export function countOf(value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw new Failure(EXIT.misused, `"${value}" is not a whole number of at least 1`, "");
}
