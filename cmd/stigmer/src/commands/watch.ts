import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { headingsOf } from "../kinds/columns.ts";
import { allKinds, findKind } from "../kinds/kinds.ts";
import { type SelectionOptions, selectionOf, withSelection } from "../kinds/selection.ts";
import { formatOf } from "../output/format.ts";
import { growingTable } from "../output/table.ts";

export type Options = GlobalOptions & SelectionOptions & { readonly kind: string };

export function newWatchCommand(deps: Deps, run = watch): Command {
  const command = newLeaf("watch", "Shows what is there of a kind, then each change as it comes, until Ctrl-C.");
  return withSelection(command)
    .argument("<kind>", "kind of the resources")
    .action((kind: string, _, command: Command) => run(deps, { ...optionsOf<GlobalOptions>(command), kind }));
}

export async function watch(deps: Deps, options: Options): Promise<void> {
  const kind = findKind(allKinds(), options.kind);
  const format = formatOf(options.output, deps.stdout);
  // Streams need what calls do without.
  const { followKind } = await import("../kinds/watching.ts");
  await using backend = await openBackend(deps, options);
  const table = growingTable(["event", ...headingsOf(kind, { wide: format === "wide" })]);
  if (format === "table" || format === "wide") await deps.stdout.write(table.head());
  await followKind(deps, { backend, kind, format, table, selection: selectionOf(options), resumeToken: "" });
}
