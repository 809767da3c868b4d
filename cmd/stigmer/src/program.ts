import { Command, CommanderError } from "commander";
import { withGlobals } from "./command-line.ts";
import type { Deps } from "./deps.ts";
import { EXIT, type ExitCode, Failure } from "./failure.ts";

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
  chat: {
    summary: "talk with an agent in one session",
    load: async () => (await import("./commands/chat.ts")).newChatCommand,
  },
  doctor: {
    summary: "say what works, what does not, and the command that fixes it",
    load: async () => (await import("./commands/doctor.ts")).newDoctorCommand,
  },
  apply: {
    summary: "create or replace resources from manifests",
    load: async () => (await import("./commands/apply.ts")).newApplyCommand,
  },
  get: { summary: "show one resource", load: async () => (await import("./commands/get.ts")).newGetCommand },
  diff: {
    summary: "show what an apply would change",
    load: async () => (await import("./commands/diff.ts")).newDiffCommand,
  },
  validate: {
    summary: "check manifests without applying them",
    load: async () => (await import("./commands/validate.ts")).newValidateCommand,
  },
  list: {
    summary: "show the resources of a kind",
    load: async () => (await import("./commands/list.ts")).newListCommand,
  },
  watch: {
    summary: "show changes as they come",
    load: async () => (await import("./commands/watch.ts")).newWatchCommand,
  },
  search: {
    summary: "find resources of any kind by words",
    load: async () => (await import("./commands/search.ts")).newSearchCommand,
  },
  delete: {
    summary: "remove a resource",
    load: async () => (await import("./commands/delete.ts")).newDeleteCommand,
  },
  undelete: {
    summary: "bring a deleted resource back",
    load: async () => (await import("./commands/undelete.ts")).newUndeleteCommand,
  },
  tag: {
    summary: "give a revision of a resource a name",
    load: async () => (await import("./commands/tag.ts")).newTagCommand,
  },
  kinds: {
    summary: "show the kinds of resources",
    load: async () => (await import("./commands/kinds.ts")).newKindsCommand,
  },
  explain: {
    summary: "say what a kind or a field of it means",
    load: async () => (await import("./commands/explain.ts")).newExplainCommand,
  },
  schema: {
    summary: "print the JSON Schema of manifests",
    load: async () => (await import("./commands/schema.ts")).newSchemaCommand,
  },
  mcp: {
    summary: "keep servers of tools, and try them out",
    load: async () => (await import("./commands/mcp.ts")).newMcpCommand,
  },
  skill: {
    summary: "push folders of knowledge that agents read, show and pull them",
    load: async () => (await import("./commands/skill.ts")).newSkillCommand,
  },
  execution: {
    summary: "look at executions, steer them, check their journals",
    load: async () => (await import("./commands/execution.ts")).newExecutionCommand,
  },
  runner: {
    summary: "look at the processes that drive executions, and drain them",
    load: async () => (await import("./commands/runner.ts")).newRunnerCommand,
  },
  approval: {
    summary: "decide what executions ask",
    load: async () => (await import("./commands/approval.ts")).newApprovalCommand,
  },
  model: {
    summary: "show the models of the configured providers, and try them out",
    load: async () => (await import("./commands/model.ts")).newModelCommand,
  },
  usage: {
    summary: "show what executions used: tokens and cost",
    load: async () => (await import("./commands/usage.ts")).newUsageCommand,
  },
  env: {
    summary: "keep variables and secrets",
    load: async () => (await import("./commands/env.ts")).newEnvCommand,
  },
  config: {
    summary: "read and change settings",
    load: async () => (await import("./commands/config.ts")).newConfigCommand,
  },
  context: {
    summary: "name backends, and choose one",
    load: async () => (await import("./commands/context.ts")).newContextCommand,
  },
  local: {
    summary: "start, stop and look at the local daemon",
    load: async () => (await import("./commands/local.ts")).newLocalCommand,
  },
  conformance: {
    summary: "check whether a backend keeps the contract's promises",
    load: async () => (await import("./commands/conformance.ts")).newConformanceCommand,
  },
  completion: {
    summary: "complete command lines in a shell",
    load: async () => {
      const { newCompletionCommand } = await import("./commands/completion.ts");
      return (deps) => newCompletionCommand(deps, (words) => newProgram(deps, words));
    },
  },
  version: {
    summary: "say the versions of this program and of the backend",
    load: async () => (await import("./commands/version.ts")).newVersionCommand,
  },
};

/**
 * Parses a command line and runs its command. Returns the exit code where the parser has ended it, as for `--help`;
 * throws what the command throws.
 */
export async function runProgram(deps: Deps, args: readonly string[]): Promise<ExitCode> {
  const written: Written = [];
  try {
    const words = withoutHelpWord(args);
    const program = await newProgram(deps, words);
    listenTo(program, written);
    await program.parseAsync([...words], { from: "user" });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return await endParse(deps, error, written);
    throw error;
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
  STIGMER_URL            backend to talk to, instead of the chosen context or the local daemon
  STIGMER_CONTEXT        named backend to talk to; see stigmer context

Exit codes:
  0 done, 1 failed, 2 misused, 3 refused (sign in, permission), 4 backend unreachable, 130 interrupted
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
    if (["-o", "--output", "--url", "--context"].includes(word)) at += 1;
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
async function endParse(deps: Deps, error: CommanderError, written: Written): Promise<ExitCode> {
  if (error.exitCode === 0 || error.code === "commander.help") {
    for (const { to, text } of written) await (to === "out" ? deps.stdout : deps.stderr).write(text);
    return error.exitCode === 0 ? EXIT.done : EXIT.misused;
  }
  throw explainParse(error, written);
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
