import type { Command } from "commander";
import { type GlobalOptions, newLocalLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { allKinds, type Kind, wordOf } from "../kinds/kinds.ts";
import { formatOf } from "../output/format.ts";
import { printJson } from "../output/print-json.ts";
import { formatDelimited, formatTable } from "../output/table.ts";

export function newKindsCommand(deps: Deps, run = kinds): Command {
  return newLocalLeaf("kinds", "Shows the kinds of resources, and the words that commands take for them.").action(
    (_, command: Command) => run(deps, optionsOf<GlobalOptions>(command)),
  );
}

/** Shows the contract that this program was built with; asks no backend. */
export async function kinds(deps: Deps, options: GlobalOptions): Promise<void> {
  const format = formatOf(options.output, deps.stdout);
  if (format === "json" || format === "yaml") return await printJson(deps, { kinds: allKinds().map(factsOf) }, format);
  if (format === "name")
    return await deps.stdout.write(
      allKinds()
        .map((kind) => `${wordOf(kind)}\n`)
        .join(""),
    );
  const wide = format === "wide";
  const headings = [
    "kind",
    "plural",
    "short names",
    "made by",
    ...(wide ? ["api version", "revisions", "filter fields"] : []),
  ];
  const rows = allKinds().map((kind) => cellsOf(kind, wide));
  await deps.stdout.write(format === "delimited" ? rows.map(formatDelimited).join("") : formatTable(headings, rows));
}

const MAKERS: Readonly<Record<Kind["managed"], string>> = {
  USER: "you",
  START_ONLY: "you, by starting it",
  SYSTEM: "the system",
};

function cellsOf(
  { kind, plural, shortNames, managed, apiVersion, revisions, filterFields }: Kind,
  wide: boolean,
): string[] {
  const cells = [kind, plural, shortNames.join(","), MAKERS[managed]];
  return wide ? [...cells, apiVersion, revisions ? "kept" : "", filterFields.join(",")] : cells;
}

function factsOf({ kind, plural, shortNames, managed, apiVersion, revisions, filterFields }: Kind): object {
  return { kind, apiVersion, plural, shortNames, managed: `MANAGED_${managed}`, revisions, filterFields };
}
