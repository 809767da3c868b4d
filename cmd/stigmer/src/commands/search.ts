import type { JsonObject } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import { collect, countOf, type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { allKinds, findKind } from "../kinds/kinds.ts";
import { type Format, formatOf } from "../output/format.ts";
import { printJson } from "../output/print-json.ts";
import { printableLine } from "../output/printable.ts";
import { relativeTime } from "../output/relative-time.ts";
import { formatDelimited, formatTable } from "../output/table.ts";

export type Options = GlobalOptions & {
  readonly words: readonly string[];
  readonly kind?: readonly string[];
  readonly limit?: number;
};

export const SEARCH = "/ai.stigmer.commons.apiresource.v1.ApiResourceQueryController/search";

export function newSearchCommand(deps: Deps, run = search): Command {
  return newLeaf("search", "Finds resources of any kind by words in their names, descriptions and labels.")
    .argument("<words...>", "words, all of which must be found, in any case")
    .option("--kind <kind>", "look in this kind only; repeatable", collect)
    .option("--limit <n>", "at most so many; all unless told", countOf)
    .action((words: string[], _, command: Command) => run(deps, { ...optionsOf<GlobalOptions>(command), words }));
}

export async function search(deps: Deps, options: Options): Promise<void> {
  const format = formatOf(options.output, deps.stdout);
  const kinds = (options.kind ?? []).map((word) => findKind(allKinds(), word).kind);
  await using backend = await openBackend(deps, options);
  const hits = await findAll(deps, backend, { query: options.words.join(" "), kinds, limit: options.limit });
  if (format === "json" || format === "yaml") return await printJson(deps, { hits }, format);
  await deps.stdout.write(formatHits(deps, hits, format));
}

type Hit = JsonObject & Partial<Record<"kind" | "id" | "name" | "displayName" | "path" | "updateTime", string>>;

const MAX_PAGE = 1000;

async function findAll(
  deps: Deps,
  backend: Backend,
  of: { readonly query: string; readonly kinds: readonly string[]; readonly limit: number | undefined },
): Promise<readonly Hit[]> {
  const hits: Hit[] = [];
  const limit = of.limit ?? Number.POSITIVE_INFINITY;
  let pageToken = "";
  do {
    const pageSize = Math.min(MAX_PAGE, limit - hits.length);
    const request = {
      query: of.query,
      kinds: [...of.kinds],
      pageSize,
      pageToken,
      ...(backend.org && { org: backend.org }),
    };
    const page = await backend.client().json({ path: SEARCH, request }, { signal: deps.interrupt });
    hits.push(...((page.hits as Hit[] | undefined) ?? []));
    pageToken = (page.nextPageToken as string | undefined) ?? "";
  } while (pageToken && hits.length < limit);
  return hits;
}

function formatHits(deps: Deps, hits: readonly Hit[], format: Format): string {
  if (format === "name")
    return hits.map(({ kind = "", name = "" }) => `${printableLine(`${kind.toLowerCase()}/${name}`)}\n`).join("");
  const wide = format === "wide";
  const isTable = wide || format === "table";
  const rows = hits.map(({ kind = "", name = "", displayName = "", path = "", updateTime = "", id = "" }) => {
    const changed = isTable && updateTime ? relativeTime(Date.parse(updateTime), deps.clock.now()) : updateTime;
    return [kind, name, displayName, path, changed, ...(wide ? [id] : [])];
  });
  if (!isTable) return rows.map(formatDelimited).join("");
  const headings = ["kind", "name", "display name", "found in", "changed", ...(wide ? ["id"] : [])];
  return formatTable(headings, rows, deps.stdout.isTTY && !wide ? deps.stdout.columns : undefined);
}
