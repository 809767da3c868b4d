import { create, type DescMessage, type Message, toJson } from "@bufbuild/protobuf";
import type { Deps } from "../deps.ts";
import type { Format } from "../output/format.ts";
import { formatJson, formatYaml } from "../output/structured.ts";
import { formatDelimited, formatTable } from "../output/table.ts";
import { cellsOf, headingsOf, nameOf } from "./columns.ts";
import { type Kind, registry } from "./kinds.ts";
import { listSchema, type Page } from "./resources.ts";

type Writer = Pick<Deps, "stdout" | "clock">;

/** Writes one resource. */
export async function printResource(deps: Writer, kind: Kind, resource: Message, format: Format): Promise<void> {
  if (format === "json" || format === "yaml") return await printMessage(deps, kind.schema, resource, format);
  await deps.stdout.write(formatRows(deps, kind, [resource], format));
}

/** Writes pages of resources as one list; what needs no whole is written page by page. */
export async function printPages(deps: Writer, kind: Kind, pages: AsyncIterable<Page>, format: Format): Promise<void> {
  if (format === "delimited" || format === "name") {
    for await (const { items } of pages) await deps.stdout.write(formatRows(deps, kind, items, format));
    return;
  }
  const items: Message[] = [];
  let last: Page | undefined;
  for await (const page of pages) {
    items.push(...page.items);
    last = page;
  }
  if (format === "table" || format === "wide") return await deps.stdout.write(formatRows(deps, kind, items, format));
  const { nextPageToken = "", resourceVersion = "" } = last ?? {};
  const list = toJson(listSchema(kind), create(listSchema(kind), { items, nextPageToken, resourceVersion } as never), {
    registry,
  });
  // An empty list is no field at all to Protobuf's JSON, and an error to whoever reads its items.
  await printJson(deps, { items: [], ...(list as object) }, format);
}

/** Writes a message as the contract's JSON, or the same as YAML. */
export async function printMessage(
  deps: Pick<Deps, "stdout">,
  schema: DescMessage,
  message: Message,
  format: "json" | "yaml",
): Promise<void> {
  await printJson(deps, toJson(schema, message, { registry }), format);
}

/** Writes a value as JSON or YAML. */
export async function printJson(deps: Pick<Deps, "stdout">, value: unknown, format: "json" | "yaml"): Promise<void> {
  await deps.stdout.write(format === "yaml" ? formatYaml(value) : formatJson(value));
}

function formatRows(deps: Writer, kind: Kind, items: readonly Message[], format: Format): string {
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
