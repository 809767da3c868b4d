import type { Deps } from "../deps.ts";
import type { Format } from "../output/format.ts";
import { printJson } from "../output/print-json.ts";
import { formatDelimited, formatTable } from "../output/table.ts";
import { cellsOf, headingsOf, nameOf, type Resource } from "./columns.ts";
import type { Kind } from "./kinds.ts";
import type { Page } from "./resources.ts";

type Writer = Pick<Deps, "stdout" | "clock">;

/** Writes one resource. */
export async function printResource(deps: Writer, kind: Kind, resource: Resource, format: Format): Promise<void> {
  if (format === "json" || format === "yaml") return await printJson(deps, resource, format);
  await deps.stdout.write(formatRows(deps, kind, [resource], format));
}

/** Writes pages of resources as one list; what needs no whole is written page by page. */
export async function printPages(deps: Writer, kind: Kind, pages: AsyncIterable<Page>, format: Format): Promise<void> {
  if (format === "delimited" || format === "name") {
    for await (const { items } of pages) await deps.stdout.write(formatRows(deps, kind, items, format));
    return;
  }
  const items: Resource[] = [];
  let last: Page | undefined;
  for await (const page of pages) {
    items.push(...page.items);
    last = page;
  }
  if (format === "table" || format === "wide") return await deps.stdout.write(formatRows(deps, kind, items, format));
  const { nextPageToken, resourceVersion } = last ?? {};
  // What says nothing is no field at all in Protobuf's JSON; items, which a reader needs, always are.
  await printJson(
    deps,
    { items, ...(nextPageToken && { nextPageToken }), ...(resourceVersion && { resourceVersion }) },
    format,
  );
}

function formatRows(deps: Writer, kind: Kind, items: readonly Resource[], format: Format): string {
  if (format === "name") return items.map((item) => `${nameOf(kind, item)}\n`).join("");
  if (format === "delimited")
    return items.map((item) => formatDelimited(cellsOf(kind, item, { wide: false }))).join("");
  const wide = format === "wide";
  const now = deps.clock.now();
  return formatTable(
    headingsOf(kind, { wide }),
    items.map((item) => cellsOf(kind, item, { wide, now })),
    deps.stdout.isTTY && !wide ? deps.stdout.columns : undefined,
  );
}
