import type { Command } from "commander";
import { type GlobalOptions, newGroup, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import type { ListOptions } from "./model-list.ts";
import type { TestOptions } from "./model-test.ts";

type Runs = {
  readonly list: (deps: Deps, options: ListOptions) => Promise<void>;
  readonly test: (deps: Deps, options: TestOptions) => Promise<void>;
};

const RUNS: Runs = {
  list: async (deps, options) => (await import("./model-list.ts")).list(deps, options),
  test: async (deps, options) => (await import("./model-test.ts")).test(deps, options),
};

export function newModelCommand(deps: Deps, run: Runs = RUNS): Command {
  return newGroup("model", "Shows the models of the configured providers, and tries them out.", [
    newLeaf("list", "Shows which models there are, how much they take and what they cost.")
      .argument("[provider]", "only models of this provider, such as openai or ollama")
      .action((provider: string | undefined, _, command: Command) =>
        run.list(deps, { ...optionsOf<GlobalOptions>(command), provider }),
      ),
    newLeaf("test", "Asks a model for one word, and says how it went. It may cost a little.")
      .argument("[model]", "model as provider/model; the default one unless told")
      .action((model: string | undefined, _, command: Command) =>
        run.test(deps, { ...optionsOf<GlobalOptions>(command), model }),
      ),
  ]);
}
