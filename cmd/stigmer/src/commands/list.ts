import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { countOf, type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { allKinds, findKind } from "../kinds/kinds.ts";
import { printPages } from "../kinds/resource-printer.ts";
import { listPages } from "../kinds/resources.ts";
import { formatOf } from "../output/format.ts";

export type Options = GlobalOptions & { readonly kind: string; readonly limit?: number };

export function newListCommand(deps: Deps, run = list): Command {
  const kinds = allKinds().map(({ options }) => options.plural);
  return newLeaf("list", `Shows the resources of a kind: ${kinds.join(", ")}.`)
    .argument("<kind>", "kind of the resources")
    .option("--limit <n>", "at most so many; all unless told", countOf)
    .action((kind: string, _, command: Command) => run(deps, { ...optionsOf<Options>(command), kind }));
}

export async function list(deps: Deps, options: Options): Promise<void> {
  const kind = findKind(allKinds(), options.kind);
  const format = formatOf(options.output, deps.stdout);
  await using backend = await openBackend(deps, options);
  const pages = listPages(backend.client(), kind, { limit: options.limit, signal: deps.interrupt });
  await printPages(deps, kind, pages, format);
}
