import type { Command } from "commander";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { headingsOf } from "../kinds/columns.ts";
import { allKinds, findKind, type Kind } from "../kinds/kinds.ts";
import { printPages } from "../kinds/resource-printer.ts";
import { listPages, type Page } from "../kinds/resources.ts";
import { type SelectionOptions, selectionOf, withListing } from "../kinds/selection.ts";
import { type Format, formatOf } from "../output/format.ts";
import { growingTable } from "../output/table.ts";

export type Options = GlobalOptions & SelectionOptions & { readonly kind: string };

export function newListCommand(deps: Deps, run = list): Command {
  const kinds = allKinds().map(({ plural }) => plural);
  return withListing(newLeaf("list", `Shows the resources of a kind: ${kinds.join(", ")}.`))
    .argument("<kind>", "kind of the resources")
    .action((kind: string, _, command: Command) => run(deps, { ...optionsOf<GlobalOptions>(command), kind }));
}

export async function list(deps: Deps, options: Options): Promise<void> {
  const kind = findKind(allKinds(), options.kind);
  const format = formatOf(options.output, deps.stdout);
  await using backend = await openBackend(deps, options);
  await showSelected(deps, backend, { kind, format, options });
}

/** Shows what is selected of a kind, and where the options say so what changes from then on. */
export async function showSelected(
  deps: Deps,
  backend: Backend,
  of: { readonly kind: Kind; readonly format: Format; readonly options: SelectionOptions },
): Promise<void> {
  const { kind, format, options } = of;
  if (options.watch && options.limit !== undefined)
    throw misused("--watch can't stand beside --limit", "leave one out");
  const selection = selectionOf(options);
  const read = { limit: options.limit, selection, signal: deps.interrupt };
  const seen = noticeToken(listPages(backend.client(), kind, read));
  await printPages(deps, kind, seen.pages, format);
  if (!options.watch) return;
  const { followKind } = await import("../kinds/watching.ts");
  const table = growingTable(["event", ...headingsOf(kind, { wide: format === "wide" })]);
  await followKind(deps, { backend, kind, format, table, selection, resumeToken: seen.token() });
}

/** The first page's token: what changed while further pages were read comes again, and nothing is missed. */
function noticeToken(pages: AsyncIterable<Page>): {
  readonly pages: AsyncIterable<Page>;
  readonly token: () => string;
} {
  let token: string | undefined;
  const noticed = async function* (): AsyncIterable<Page> {
    for await (const page of pages) {
      token ??= page.resumeToken;
      yield page;
    }
  };
  return { pages: noticed(), token: () => token ?? "" };
}
