import { type Command, Option } from "commander";
import { collect, type GlobalOptions, newGroup, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import type { ExecuteOptions } from "../execution/starting.ts";
import { misused } from "../failure.ts";
import { type CreateOptions, createAgent } from "./agent-create.ts";
import { execute } from "./agent-execute.ts";

type Runs = {
  readonly create: (deps: Deps, options: CreateOptions) => Promise<void>;
  readonly execute: (deps: Deps, options: ExecuteOptions) => Promise<void>;
};

export function newAgentCommand(deps: Deps, run: Runs = { create: createAgent, execute }): Command {
  return newGroup("agent", "Creates agents and talks to them.", [newCreate(deps, run), newExecute(deps, run)]);
}

function newCreate(deps: Deps, run: Runs): Command {
  return newLeaf("create", "Creates an agent; refuses a name that is taken.")
    .argument("<name>", "its name: lower-case letters, digits and hyphens")
    .option("--instructions <text>", "who it is and how it works; @file reads them from a file; required")
    .option("--description <text>", "one line for people who choose between agents")
    .option("--model <model>", "provider/model, such as openai/gpt-5; the configured one unless told")
    .option("--mcp-server <name>", "MCP server whose tools it may use; repeatable", collect)
    .action((name: string, _, command: Command) => {
      const options = optionsOf<Partial<CreateOptions>>(command);
      const { instructions } = options;
      // Not commander's required option, which would hide that --instruction is a typing error.
      if (instructions === undefined)
        throw misused("--instructions is missing", "see how: stigmer agent create --help");
      return run.create(deps, { ...options, name, instructions });
    });
}

function newExecute(deps: Deps, run: Runs): Command {
  const approve = new Option("--approve <mode>", "where it asks: never, all, or fail (leave it waiting, exit 3)");
  return newLeaf(
    "execute",
    "Says something to an agent and shows what it does. Its words go to stdout, all else to stderr.",
  )
    .argument("<name>", "name of the agent; name@tag or name@sha256:… takes it as that revision was")
    .argument("[message]", "what to say; - or nothing reads it from standard input")
    .option("--session <id>", "go on in this session (id or name), instead of a new one")
    .option("--model <model>", "provider/model, instead of the agent's")
    .option("--workspace <dir>", "folder in which its tools work; this one unless told")
    .addOption(approve.choices(["never", "all", "fail"]))
    .option("--env <name>", "environment that gives values, the last one first; repeatable", collect)
    .option("--value <NAME=value>", "value of a variable for this execution alone; repeatable", collect)
    .option("--secret <name>", "secret for this execution alone; its value is asked for; repeatable", collect)
    .option("--secret-file <NAME=file>", "secret for this execution alone, read from a file; repeatable", collect)
    .option("--attach <file>", "image or file to send along; repeatable", collect)
    .option("--plan", "begin in plan mode: it only reads, until you approve its plan")
    .option("--detach", "start it, say its id, and leave it")
    .option("--verbose", "show calls of tools with all that they take and answer")
    .option(
      "--messages-from <file>",
      "start one execution for each line of a file (- for standard input), say their ids, and leave them",
    )
    .action((name: string, message: string | undefined, _, command: Command) =>
      run.execute(deps, { ...optionsOf<GlobalOptions>(command), name, message }),
    );
}
