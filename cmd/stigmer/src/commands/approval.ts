import { ApprovalDecision as Decision } from "@stigmer/contracts/agentic";
import { type Command, Option } from "commander";
import { newGroup, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import type { DecideOptions } from "./approval-decide.ts";
import { type ListOptions, list } from "./approval-list.ts";
import type { ShowOptions } from "./approval-show.ts";

type Runs = {
  readonly list: (deps: Deps, options: ListOptions) => Promise<void>;
  readonly show: (deps: Deps, options: ShowOptions) => Promise<void>;
  readonly decide: (deps: Deps, options: DecideOptions) => Promise<void>;
};

/** What one of them needs costs the others nothing. */
const RUNS: Runs = {
  list,
  show: async (deps, options) => (await import("./approval-show.ts")).show(deps, options),
  decide: async (deps, options) => (await import("./approval-decide.ts")).decide(deps, options),
};

export function newApprovalCommand(deps: Deps, run: Runs = RUNS): Command {
  const deciding = (name: string, description: string, decision: DecideOptions["decision"]): Command =>
    newLeaf(name, description)
      .argument("<id...>", "ids or names of the approvals")
      .option("--comment <text>", "why; the model reads it where the call is rejected")
      .action((names: readonly string[], _, command: Command) =>
        run.decide(deps, { ...optionsOf<DecideOptions>(command), names, decision }),
      );
  const scope = new Option(
    "--scope <scope>",
    "what else it covers, for the rest of the execution: this tool, this server",
  );
  return newGroup("approval", "Decides what executions ask.", [
    newLeaf("list", "Shows the questions that are open, the oldest first.")
      .option("--all", "those that are decided too")
      .option("--execution <id>", "only those of one execution and of its sub-agents; its id or name")
      .option("-w, --watch", "keep the list current, until Ctrl-C; off a terminal one line per change")
      .action((_, command: Command) => run.list(deps, optionsOf<ListOptions>(command))),
    newLeaf("show", "Shows one whole: arguments, what its definition is bound to, until when.")
      .alias("get")
      .argument("<id>", "id or name of the approval")
      .action((name: string, _, command: Command) => run.show(deps, { ...optionsOf<ShowOptions>(command), name })),
    deciding("approve", "Lets the call be made, once unless told otherwise.", Decision.APPROVED)
      .addOption(scope.choices(["once", "tool", "server"]))
      .option("--arguments <json>", "make the call with these arguments instead")
      .option("--edit", "edit the arguments first, in the editor that VISUAL or EDITOR names"),
    deciding("reject", "Refuses the call; the model reads the comment.", Decision.REJECTED),
    deciding("skip", "Leaves the call out; the model is told to go on without it.", Decision.SKIPPED),
  ]);
}
