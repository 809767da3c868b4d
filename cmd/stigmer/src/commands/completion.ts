import { Argument, Command } from "commander";
import { newGroup, newLocalLeaf } from "../command-line.ts";
import { candidates } from "../completion/candidates.ts";
import { liveNames } from "../completion/live-names.ts";
import { SCRIPTS, SHELLS, type Shell } from "../completion/scripts.ts";
import type { Deps } from "../deps.ts";
import { printableLine } from "../output/printable.ts";

/** Builds the tree of commands whose words are completed; only the one that stands first is loaded. */
export type ProgramBuilder = (words: readonly string[]) => Promise<Command>;

export function newCompletionCommand(deps: Deps, program: ProgramBuilder): Command {
  const shells = SHELLS.map((shell) =>
    newLocalLeaf(shell, `Prints the script for ${shell}; its first line says where it goes.`).action(() =>
      print(deps, shell),
    ),
  );
  const words = new Command("words")
    .description("Prints the words that may stand where the last one is begun; what the scripts call.")
    .addArgument(new Argument("[words...]", "the command line so far, after --"))
    .action((given: string[]) => complete(deps, given, program));
  return newGroup("completion", "Completes command lines in a shell, with the names of resources that are there.", [
    ...shells,
    words,
  ]);
}

async function print(deps: Deps, shell: Shell): Promise<void> {
  await deps.stdout.write(SCRIPTS[shell]);
}

/** Whatever goes wrong, nothing is completed, and nothing is said in the middle of a line. */
async function complete(deps: Deps, words: readonly string[], program: ProgramBuilder): Promise<void> {
  const options = { url: valueAfter(words, "--url"), context: valueAfter(words, "--context") };
  const found = await candidates(await program(words), words, (kind, start) =>
    liveNames(deps, options, { kind, start }).catch(() => []),
  ).catch(() => []);
  await deps.stdout.write(found.map((word) => `${printableLine(word)}\n`).join(""));
}

function valueAfter(words: readonly string[], option: string): string | undefined {
  const at = words.indexOf(option);
  return at < 0 || at + 1 >= words.length - 1 ? undefined : words[at + 1];
}
