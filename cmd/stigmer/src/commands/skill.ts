import type { Command } from "commander";
import { newGroup, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { withListing } from "../kinds/selection.ts";
import type { ListOptions } from "./execution.ts";
import { list } from "./list.ts";
import type { PullOptions } from "./skill-pull.ts";
import type { PushOptions } from "./skill-push.ts";
import type { ShowOptions } from "./skill-show.ts";

type Runs = {
  readonly push: (deps: Deps, options: PushOptions) => Promise<void>;
  readonly list: (deps: Deps, options: ListOptions) => Promise<void>;
  readonly show: (deps: Deps, options: ShowOptions) => Promise<void>;
  readonly pull: (deps: Deps, options: PullOptions) => Promise<void>;
};

/** What one of them needs costs the others nothing. */
const RUNS: Runs = {
  push: async (deps, options) => (await import("./skill-push.ts")).push(deps, options),
  list: (deps, options) => list(deps, { ...options, kind: "skill" }),
  show: async (deps, options) => (await import("./skill-show.ts")).show(deps, options),
  pull: async (deps, options) => (await import("./skill-pull.ts")).pull(deps, options),
};

export function newSkillCommand(deps: Deps, run: Runs = RUNS): Command {
  return newGroup("skill", "Keeps folders of knowledge that agents read on demand.", [
    newLeaf("push", "Stores a folder with a SKILL.md, or a zip archive of one, as the newest version of its skill.")
      .argument("<folder>", "the folder or the archive; hidden files are left out")
      .option("--tag <tag>", "name the version; a tag moves where another version has it")
      .action((source: string, _, command: Command) => run.push(deps, { ...optionsOf<PushOptions>(command), source })),
    withListing(newLeaf("list", "Shows skills.")).action((_, command: Command) =>
      run.list(deps, optionsOf<ListOptions>(command)),
    ),
    newLeaf("show", "Shows a skill: what it is for, its files, and what its SKILL.md says.")
      .argument("<name>", "its name or id; name@tag or name@sha256:… takes it as that version was")
      .action((name: string, _, command: Command) => run.show(deps, { ...optionsOf<ShowOptions>(command), name })),
    newLeaf("pull", "Writes the files of a skill into a folder, which must be empty or not be there.")
      .argument("<name>", "its name or id; name@tag or name@sha256:… takes it as that version was")
      .argument("<folder>", "the folder")
      .action((name: string, folder: string, _, command: Command) =>
        run.pull(deps, { ...optionsOf<PullOptions>(command), name, folder }),
      ),
  ]);
}
