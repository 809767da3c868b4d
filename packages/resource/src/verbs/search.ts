import { create } from "@bufbuild/protobuf";
import { invalid, isFault, type Violation } from "@stigmer/base";
import {
  type SearchHit,
  SearchHitSchema,
  type SearchRequest,
  type SearchResponse,
  SearchResponseSchema,
} from "@stigmer/contracts/commons";
import type { Row, Snapshot } from "@stigmer/store";
import type { Call } from "../call.ts";
import type { Kind } from "../kind.ts";
import type { PipelineDeps } from "../pipeline.ts";
import { fromRow, metadataOf } from "../stored.ts";
import { createPageTokens } from "../tokens.ts";

type SearchDeps = Pick<PipelineDeps, "store" | "keys" | "clock" | "kinds" | "authorizer">;

const DEFAULT_PAGE = 50;
const ROWS_AT_ONCE = 500;
/** Resources that are looked at for one page; then the page is short, and its reader asks for the next. */
const MOST_EXAMINED = 5_000;

/** Where a search goes on: behind an id of a kind. */
type Position = { readonly kind: string; readonly id: string };

/** Finds resources by words, in order of kind, then of id. Kinds that the caller may not list are left out. */
export function searchHandler(deps: SearchDeps): (request: SearchRequest, call: Call) => Promise<SearchResponse> {
  const tokens = createPageTokens(deps);
  return async (request, call) => {
    const { query, kinds, pageSize, pageToken } = request;
    const words = query
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    if (words.length === 0) throw invalid([{ field: "query", description: "holds no word" }]);
    const fingerprint = JSON.stringify(["search", call.org, query, kinds]);
    const from = pageToken === "" ? undefined : positionIn(tokens.read(fingerprint, pageToken));
    const listed = await listedKinds(deps, call, wantedKinds(deps, kinds));
    await using snapshot = deps.store.snapshot();
    const search = { words, org: call.org, limit: pageSize || DEFAULT_PAGE };
    const { hits, next } = await find(snapshot, { search, from, kinds: listed });
    const nextPageToken = next === undefined ? "" : tokens.issue(fingerprint, `${next.kind} ${next.id}`);
    return create(SearchResponseSchema, { hits: [...hits], nextPageToken });
  };
}

type Search = { readonly words: readonly string[]; readonly org: string; readonly limit: number };
type Found = { readonly hits: readonly SearchHit[]; readonly next: Position | undefined };

async function find(
  read: Snapshot,
  {
    search,
    from,
    kinds,
  }: { readonly search: Search; readonly from: Position | undefined; readonly kinds: readonly Kind[] },
): Promise<Found> {
  const hits: SearchHit[] = [];
  let room = MOST_EXAMINED;
  for (const kind of kinds) {
    const name = kind.options.kind;
    if (from !== undefined && name < from.kind) continue;
    for (let after: string | undefined = from?.kind === name ? from.id : ""; after !== undefined; ) {
      const page: Awaited<ReturnType<Snapshot["page"]>> = await read.page(
        { tenant: search.org, kind: name },
        { after, limit: ROWS_AT_ONCE },
      );
      for (const row of page.rows) {
        const hit = hitOf(kind, row, search.words);
        if (hit !== undefined) hits.push(hit);
        if (hits.length === search.limit || --room === 0) return { hits, next: { kind: name, id: row.id } };
      }
      after = page.next;
    }
  }
  return { hits, next: undefined };
}

function hitOf(kind: Kind, row: Row, words: readonly string[]): SearchHit | undefined {
  const resource = fromRow(kind, row);
  const { id, name, displayName, updateTime } = metadataOf(resource);
  const description = (resource.spec as { readonly description?: unknown } | undefined)?.description;
  const texts = [
    ["metadata.name", name],
    ["metadata.displayName", displayName],
    ["spec.description", typeof description === "string" ? description : ""],
    ...Object.entries(row.labels).map(([key, value]) => [`metadata.labels[${JSON.stringify(key)}]`, `${key}=${value}`]),
  ].map(([path = "", text = ""]) => ({ path, text: text.toLowerCase() }));
  const [first, ...others] = words.map((word) => texts.find(({ text }) => text.includes(word)));
  if (first === undefined || others.includes(undefined)) return undefined;
  const hit = { kind: kind.options.kind, id, name, displayName, path: first.path };
  return create(SearchHitSchema, { ...hit, ...(updateTime && { updateTime }) });
}

function wantedKinds({ kinds }: SearchDeps, names: readonly string[]): readonly Kind[] {
  const unknown = names.flatMap((name, at): readonly Violation[] =>
    kinds.named(name) ? [] : [{ field: `kinds[${at}]`, description: `there is no kind "${name}"` }],
  );
  if (unknown.length > 0) throw invalid(unknown, "KIND_UNKNOWN");
  const wanted = kinds.all.filter(({ options }) => names.length === 0 || names.includes(options.kind));
  return [...wanted].sort((one, other) => (one.options.kind < other.options.kind ? -1 : 1));
}

async function listedKinds({ authorizer }: SearchDeps, call: Call, kinds: readonly Kind[]): Promise<readonly Kind[]> {
  const may = async ({ options }: Kind): Promise<boolean> => {
    const permission = `${options.kind.toLowerCase()}.list`;
    try {
      await authorizer.authorize({ caller: call.caller, permission, org: call.org, resource: "" });
      return true;
    } catch (error) {
      if (isFault(error, "PERMISSION_DENIED") || isFault(error, "RESOURCE_NOT_FOUND")) return false;
      throw error;
    }
  };
  const allowed = await Promise.all(kinds.map(may));
  return kinds.filter((_, at) => allowed[at]);
}

function positionIn(text: string): Position {
  const space = text.indexOf(" ");
  return { kind: text.slice(0, space), id: text.slice(space + 1) };
}
