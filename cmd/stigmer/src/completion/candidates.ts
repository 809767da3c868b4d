import type { Command } from "commander";
import { allKinds, findKind, type Kind, wordOf } from "../kinds/kinds.ts";

/** Reads names of a kind that begin so; empty where no backend can be asked. */
export type NameReader = (kind: Kind, start: string) => Promise<readonly string[]>;

/** The words that may stand where the last of `words` is begun, in the tree of commands below `program`. */
export async function candidates(
  program: Command,
  words: readonly string[],
  names: NameReader,
): Promise<readonly string[]> {
  const { command, given, pending } = walk(program, words.slice(0, -1));
  const start = words.at(-1) ?? "";
  const found = await possible(command, { given, pending, start, names });
  return [...new Set(found)].filter((word) => word.startsWith(start));
}

type Walked = {
  readonly command: Command;
  /** Arguments that stand already. */
  readonly given: readonly string[];
  /** An option that waits for its value. */
  readonly pending: string | undefined;
};

function walk(program: Command, words: readonly string[]): Walked {
  let command = program;
  let pending: string | undefined;
  const given: string[] = [];
  for (const word of words) {
    const isValue = pending !== undefined;
    pending = undefined;
    if (isValue) continue;
    if (word.startsWith("-")) {
      pending = takesValue(command, word) ? word : undefined;
      continue;
    }
    const below =
      given.length === 0
        ? command.commands.find((known) => known.name() === word || known.aliases().includes(word))
        : undefined;
    if (below) command = below;
    else given.push(word);
  }
  return { command, given, pending };
}

function takesValue(command: Command, word: string): boolean {
  const option = optionOf(command, word);
  return !word.includes("=") && option !== undefined && option.required;
}

function optionOf(command: Command, word: string): Command["options"][number] | undefined {
  for (let at: Command | null = command; at; at = at.parent) {
    const option = at.options.find(({ long, short }) => long === word || short === word);
    if (option) return option;
  }
  return undefined;
}

type Position = Pick<Walked, "given" | "pending"> & { readonly start: string; readonly names: NameReader };

async function possible(command: Command, at: Position): Promise<readonly string[]> {
  if (at.pending !== undefined) return await valuesOf(command, at.pending, at);
  if (at.start.startsWith("-")) return optionsOf(command);
  if (command.commands.length > 0 && at.given.length === 0) return command.commands.map((known) => known.name());
  return await argumentsFor(command, at);
}

const FORMATS = ["table", "wide", "json", "yaml", "name"];

/** Options whose value is the name of a resource. */
const NAMED_BY: Readonly<Record<string, string>> = {
  "--agent": "agent",
  "--session": "session",
  "--execution": "agentexecution",
  "--mcp-server": "mcpserver",
};

async function valuesOf(command: Command, word: string, at: Position): Promise<readonly string[]> {
  const option = optionOf(command, word);
  const kind = kindNamed(NAMED_BY[option?.long ?? ""] ?? "");
  if (kind) return await at.names(kind, at.start);
  if (option?.long === "--output") return FORMATS;
  if (option?.long === "--kind") return allKinds().map(wordOf);
  return option?.argChoices ?? [];
}

function optionsOf(command: Command): readonly string[] {
  const found: string[] = [];
  for (let at: Command | null = command; at; at = at.parent)
    found.push(...at.options.flatMap(({ long }) => long ?? []));
  return [...found, "--help"];
}

/**
 * Arguments are known by their names: a kind, a path of one, or a resource of the kind that stands before or above,
 * or that the argument is named after. */
async function argumentsFor(command: Command, { given, start, names }: Position): Promise<readonly string[]> {
  const known = command.registeredArguments;
  const argument = known[Math.min(given.length, known.length - 1)];
  if (!argument) return [];
  if (argument.argChoices) return argument.argChoices;
  const name = argument.name();
  if (name === "kind" && start.includes("/")) return await slashNames(start, names);
  if (name === "kind" || name === "path") return allKinds().flatMap((kind) => [wordOf(kind), kind.plural]);
  if (given.length > 0 && known[0]?.name() === "kind" && given.length === 1) {
    const kind = kindNamed(given[0] ?? "");
    return kind ? await names(kind, start) : [];
  }
  const own = kindNamed(name);
  if (own) return await names(own, start);
  if (name !== "name" && name !== "id") return [];
  const kind = kindNamed(command.parent?.name() ?? "");
  return kind && command.name() !== "create" ? await names(kind, start) : [];
}

async function slashNames(start: string, names: NameReader): Promise<readonly string[]> {
  const [word = "", name = ""] = start.split("/");
  const kind = kindNamed(word);
  return kind ? (await names(kind, name)).map((found) => `${word}/${found}`) : [];
}

function kindNamed(word: string): Kind | undefined {
  try {
    return findKind(allKinds(), word);
  } catch {
    return undefined;
  }
}
