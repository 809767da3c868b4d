import { Command, CommanderError } from "commander";
import { withGlobals } from "./command-line.ts";
import type { Deps } from "./deps.ts";
import { explain } from "./explain.ts";
import { EXIT, Failure } from "./failure.ts";
import { complain } from "./output/complain.ts";

type Entry = { readonly summary: string; readonly load: () => Promise<(deps: Deps) => Command> };

/** Every word that may follow `stigmer`. A module is loaded when its word is used, so that the others cost nothing. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  init: {
    summary: "write a small project and start the local daemon",
    load: async () => (await import("./commands/init.ts")).newInitCommand,
  },
  agent: {
    summary: "create agents and talk to them",
    load: async () => (await import("./commands/agent.ts")).newAgentCommand,
  },
  apply: {
    summary: "create or replace resources from manifests",
    load: async () => (await import("./commands/apply.ts")).newApplyCommand,
  },
  get: { summary: "show one resource", load: async () => (await import("./commands/get.ts")).newGetCommand },
  list: {
    summary: "show the resources of a kind",
    load: async () => (await import("./commands/list.ts")).newListCommand,
  },
  watch: {
    summary: "show changes as they come",
    load: async () => (await import("./commands/watch.ts")).newWatchCommand,
  },
  delete: {
    summary: "remove a resource",
    load: async () => (await import("./commands/delete.ts")).newDeleteCommand,
  },
  execution: {
    summary: "look at executions, cancel them, check their journals",
    load: async () => (await import("./commands/execution.ts")).newExecutionCommand,
  },
  approval: {
    summary: "decide what executions ask",
    load: async () => (await import("./commands/approval.ts")).newApprovalCommand,
  },
  config: {
    summary: "read and change settings",
    load: async () => (await import("./commands/config.ts")).newConfigCommand,
  },
  local: {
    summary: "start, stop and look at the local daemon",
    load: async () => (await import("./commands/local.ts")).newLocalCommand,
  },
  version: {
    summary: "say the versions of this program and of the backend",
    load: async () => (await import("./commands/version.ts")).newVersionCommand,
  },
};

/** Runs one command line (without the program's name) and returns the process's exit code. Never throws. */
export async function runCli(deps: Deps, args: readonly string[]): Promise<number> {
  const written: Written = [];
  try {
    const words = withoutHelpWord(args);
    const program = await newProgram(deps, words);
    listenTo(program, written);
    await program.parseAsync([...words], { from: "user" });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return await endParse(deps, error, written);
    const failure = endOf(deps, error);
    await complain(deps, failure);
    return failure.exit;
  }
}

/** `help agent execute` is `agent execute --help`; commander's own `help` looks one word deep. */
function withoutHelpWord(args: readonly string[]): readonly string[] {
  const [first, ...words] = args;
  if (first !== "help" || words[0] === undefined) return args;
  return Object.hasOwn(COMMANDS, words[0]) ? [...words, "--help"] : words;
}

const ENVIRONMENT = `
Environment:
  STIGMER_HOME           folder of settings, data and logs; ~/.stigmer unless set
  STIGMER_PORT           port of the local daemon, instead of the setting
  STIGMER_URL            backend to talk to, instead of the local daemon
`;

async function newProgram(deps: Deps, args: readonly string[]): Promise<Command> {
  const program = withGlobals(new Command("stigmer"))
    .description("Durable AI agents.")
    .version(deps.version, "-V, --version", "say the version of this program")
    .enablePositionalOptions()
    .helpCommand("help [command]", "show help for a command")
    .addHelpText("after", ENVIRONMENT);
  const chosen = chosenCommand(args);
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    if (name === chosen) program.addCommand((await load())(deps).summary(summary));
    else program.addCommand(new Command(name).description(summary));
  }
  return program;
}

/** The first word that is neither an option nor an option's value. */
export function chosenCommand(args: readonly string[]): string | undefined {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (["-o", "--output", "--url"].includes(word)) at += 1;
    else if (word !== "help" && !word.startsWith("-")) return word;
  }
  return undefined;
}

type Written = { readonly to: "out" | "error"; readonly text: string; readonly by: Command }[];

/** Keeps what commander writes instead of writing it, and makes it throw instead of ending the process. */
function listenTo(command: Command, written: Written): void {
  command
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({
      writeOut: (text) => void written.push({ to: "out", text, by: command }),
      writeErr: (text) => void written.push({ to: "error", text, by: command }),
    });
  for (const child of command.commands) listenTo(child, written);
}

/** Commander ends by an error too where it has shown what was asked for, or help where a word is missing. */
async function endParse(deps: Deps, error: CommanderError, written: Written): Promise<number> {
  if (error.exitCode === 0 || error.code === "commander.help") {
    for (const { to, text } of written) await (to === "out" ? deps.stdout : deps.stderr).write(text);
    return error.exitCode === 0 ? EXIT.done : EXIT.misused;
  }
  const failure = explainParse(error, written);
  await complain(deps, failure);
  return failure.exit;
}

function explainParse(error: CommanderError, written: Written): Failure {
  const lines = written.flatMap(({ text }) => text.trim().split("\n"));
  const hint = lines.find((line) => line.startsWith("(Did you mean"))?.replace(/^\((Did.*)\)$/, "$1");
  const [first = error.message] = lines;
  return new Failure(EXIT.misused, first.replace(/^error: /, ""), hint?.replace("Did", "did") ?? seeHow(written));
}

function seeHow(written: Written): string {
  const words: string[] = [];
  for (let at: Command | null = written[0]?.by ?? null; at; at = at.parent) words.unshift(at.name());
  return `see how: ${words.join(" ")} --help`;
}

/** After Ctrl-C whatever breaks is a consequence of it. */
function endOf(deps: Deps, error: unknown): Failure {
  const failure = explain(error);
  if (!deps.interrupt.aborted || error instanceof Failure) return failure;
  return new Failure(EXIT.interrupted, "", "");
}
