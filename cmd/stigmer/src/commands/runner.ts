import type { Command } from "commander";
import { type GlobalOptions, newGroup, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { allKinds, findKind } from "../kinds/kinds.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { type SelectionOptions, withListing } from "../kinds/selection.ts";
import { get } from "./get.ts";
import { list } from "./list.ts";
import type { DrainOptions } from "./runner-drain.ts";

const KIND = "runner";

export type NameOptions = GlobalOptions & { readonly name: string };
export type ListOptions = GlobalOptions & SelectionOptions;

type Runs = {
  readonly get: (deps: Deps, options: NameOptions) => Promise<void>;
  readonly list: (deps: Deps, options: ListOptions) => Promise<void>;
  readonly drain: (deps: Deps, options: DrainOptions) => Promise<void>;
};

const RUNS: Runs = {
  get: (deps, options) =>
    get(deps, { ...options, kind: KIND, name: nameOfKind(findKind(allKinds(), KIND), options.name) }),
  list: (deps, options) => list(deps, { ...options, kind: KIND }),
  drain: async (deps, options) => (await import("./runner-drain.ts")).drain(deps, options),
};

export function newRunnerCommand(deps: Deps, run: Runs = RUNS): Command {
  return newGroup("runner", "Looks at the processes that drive executions, and drains them.", [
    withListing(newLeaf("list", "Shows runners.")).action((_, command: Command) =>
      run.list(deps, optionsOf<ListOptions>(command)),
    ),
    newLeaf("get", "Shows one runner.")
      .argument("<name>", "id or name of the runner")
      .action((name: string, _, command: Command) => run.get(deps, { ...optionsOf<GlobalOptions>(command), name })),
    newLeaf("drain", "Tells a runner to take nothing new, finish what runs, and disconnect.")
      .argument("<name>", "id or name of the runner")
      .option("--wait", "end when it has gone")
      .action((name: string, _, command: Command) => run.drain(deps, { ...optionsOf<GlobalOptions>(command), name })),
  ]);
}
