import { type Command, Option } from "commander";
import { countOf, type GlobalOptions, newGroup, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { allKinds, findKind } from "../kinds/kinds.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { type SelectionOptions, withListing } from "../kinds/selection.ts";
import type { ArtifactsOptions } from "./execution-artifacts.ts";
import { type ChangeOptions, change, type Verb } from "./execution-change.ts";
import type { ForkOptions } from "./execution-fork.ts";
import type { InputOptions } from "./execution-input.ts";
import { type LogsOptions, logs } from "./execution-logs.ts";
import { verify } from "./execution-verify.ts";
import { get } from "./get.ts";
import { list } from "./list.ts";

const KIND = "agentexecution";

export type NameOptions = GlobalOptions & { readonly name: string };
export type ListOptions = GlobalOptions & SelectionOptions;

type Runs = {
  readonly get: (deps: Deps, options: NameOptions) => Promise<void>;
  readonly list: (deps: Deps, options: ListOptions) => Promise<void>;
  readonly logs: (deps: Deps, options: LogsOptions) => Promise<void>;
  readonly why: (deps: Deps, options: NameOptions) => Promise<void>;
  readonly change: (deps: Deps, options: ChangeOptions) => Promise<void>;
  readonly input: (deps: Deps, options: InputOptions) => Promise<void>;
  readonly fork: (deps: Deps, options: ForkOptions) => Promise<void>;
  readonly artifacts: (deps: Deps, options: ArtifactsOptions) => Promise<void>;
  readonly verify: (deps: Deps, options: NameOptions) => Promise<void>;
};

const RUNS: Runs = {
  get: (deps, options) =>
    get(deps, { ...options, kind: KIND, name: nameOfKind(findKind(allKinds(), KIND), options.name) }),
  list: (deps, options) => list(deps, { ...options, kind: KIND }),
  logs,
  change,
  // Most uses of the group need none of these, and what they need is large.
  why: async (deps, options) => (await import("./execution-why.ts")).why(deps, options),
  input: async (deps, options) => (await import("./execution-input.ts")).input(deps, options),
  fork: async (deps, options) => (await import("./execution-fork.ts")).fork(deps, options),
  artifacts: async (deps, options) => (await import("./execution-artifacts.ts")).artifacts(deps, options),
  verify,
};

export function newExecutionCommand(deps: Deps, run: Runs = RUNS): Command {
  const changing = (verb: Verb, description: string): Command =>
    named<ChangeOptions>(deps, verb, {
      description,
      act: (_, options) => run.change(deps, { ...options, verb }),
    }).option("--comment <text>", "why, for people");
  return newGroup("execution", "Looks at executions, steers them, checks their journals.", [
    named(deps, "get", { description: "Shows one execution.", act: run.get }),
    withListing(newLeaf("list", "Shows executions.")).action((_, command: Command) =>
      run.list(deps, optionsOf<ListOptions>(command)),
    ),
    named<LogsOptions>(deps, "logs", {
      description: "Shows what happened: when, sequence, what.",
      act: run.logs,
    })
      .option("-f, --follow", "go on showing what happens, until its end; on a terminal as `agent execute` does")
      .option("--verbose", "with -f on a terminal, show calls of tools with all that they take and answer"),
    named(deps, "why", {
      description: "Says why an execution waits: cause, since, until, who can act, what to type next.",
      act: run.why,
    }),
    changing("cancel", "Ends an execution that is not finished; calls of tools that run get 10 s to stop."),
    changing("terminate", "Ends an execution that is not finished, at once; what comes of running calls is lost."),
    changing("pause", "Parks an execution: no new step begins."),
    changing("resume", "Lets a paused execution go on where it was."),
    changing("retry", "Lets a failed execution go on: what succeeded stays, what failed last is made again."),
    newInput(deps, run),
    newFork(deps, run),
    named<ArtifactsOptions>(deps, "artifacts", {
      description: "Shows the images and files that an execution's tools returned.",
      act: run.artifacts,
    }).option("--save <folder>", "write them into this folder; nothing there is replaced"),
    named(deps, "verify", {
      description: "Computes the journal's hash chain here, and compares it with the backend's word.",
      act: run.verify,
    }),
  ]);
}

function newInput(deps: Deps, run: Runs): Command {
  const description =
    "Answers the question that an execution waits with; without --text by standard input, or a prompt on a terminal.";
  return named<InputOptions>(deps, "input", { description, act: run.input }).option("--text <text>", "the answer");
}

function newFork(deps: Deps, run: Runs): Command {
  const approve = new Option("--approve <mode>", "where a followed one asks: never, all, or fail (leave it waiting)");
  const description = "Starts a new execution that shares another's journal up to a sequence, in a session of its own.";
  return named<ForkOptions>(deps, "fork", { description, act: run.fork })
    .option("--at <sequence>", "last entry that both share; the newest unless told", countOf)
    .option("--message <text>", "what the user says instead; only before the first model call")
    .option("--model <model>", "provider/model from there on")
    .option("--agent <name>", "another agent; only before the first model call")
    .option("-f, --follow", "show what it does, until its end")
    .addOption(approve.choices(["never", "all", "fail"]));
}

type Named<O> = {
  readonly description: string;
  readonly act: (deps: Deps, options: O & NameOptions) => Promise<void>;
};

function named<O extends GlobalOptions>(deps: Deps, name: string, { description, act }: Named<O>): Command {
  return newLeaf(name, description)
    .argument("<name>", "id or name of the execution")
    .action((word: string, _, command: Command) => act(deps, { ...optionsOf<O>(command), name: word }));
}
