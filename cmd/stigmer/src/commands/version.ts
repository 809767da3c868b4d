import type { Command } from "commander";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { version } from "./version-show.ts";

export function newVersionCommand(deps: Deps, run = version): Command {
  return newLeaf("version", "Says the version of this program, and of the backend where one runs. Starts none.").action(
    (_, command: Command) => run(deps, optionsOf<GlobalOptions>(command)),
  );
}
