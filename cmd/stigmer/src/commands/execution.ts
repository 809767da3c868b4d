import type { Command } from "commander";
import { type GlobalOptions, newGroup, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { allKinds, findKind } from "../kinds/kinds.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { type SelectionOptions, withListing } from "../kinds/selection.ts";
import { type CancelOptions, cancel } from "./execution-cancel.ts";
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
  readonly cancel: (deps: Deps, options: CancelOptions) => Promise<void>;
  readonly verify: (deps: Deps, options: NameOptions) => Promise<void>;
};

const RUNS: Runs = {
  get: (deps, options) =>
    get(deps, { ...options, kind: KIND, name: nameOfKind(findKind(allKinds(), KIND), options.name) }),
  list: (deps, options) => list(deps, { ...options, kind: KIND }),
  logs,
  cancel,
  verify,
};

export function newExecutionCommand(deps: Deps, run: Runs = RUNS): Command {
  const named = <O extends GlobalOptions>(
    name: string,
    description: string,
    act: (deps: Deps, options: O & NameOptions) => Promise<void>,
  ): Command =>
    newLeaf(name, description)
      .argument("<name>", "id or name of the execution")
      .action((word: string, _, command: Command) => act(deps, { ...optionsOf<O>(command), name: word }));
  return newGroup("execution", "Looks at executions, cancels them, checks their journals.", [
    named("get", "Shows one execution.", run.get),
    withListing(newLeaf("list", "Shows executions.")).action((_, command: Command) =>
      run.list(deps, optionsOf<ListOptions>(command)),
    ),
    named<LogsOptions>("logs", "Shows what happened: when, sequence, what.", run.logs).option(
      "-f, --follow",
      "go on showing what happens, until its end",
    ),
    named<CancelOptions>("cancel", "Ends an execution that is not finished.", run.cancel).option(
      "--comment <text>",
      "why, for people",
    ),
    named("verify", "Computes the journal's hash chain here, and compares it with the backend's word.", run.verify),
  ]);
}
