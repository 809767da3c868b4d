import {
  type Page,
  type PageFilter,
  type Row,
  type RowFilter,
  type RowKey,
  type Where,
  whereMatcher,
} from "@stigmer/store";
import { Damaged } from "./damaged.ts";
import { isExact } from "./index-keys.ts";
import { lastField, pageRange, parentPrefix, rowKey } from "./keys.ts";
import type { View } from "./level.ts";
import { clausePostings, intersection, type Postings, sparsestFirst, storedPostings, successor } from "./postings.ts";
import { decodeRow } from "./row-codec.ts";

export type PageRange = { readonly after?: string; readonly limit: number };

/** Most rows that one page of a `where` looks at. */
const MOST_EXAMINED = 5_000;
/** So many rows in a row that do not match; then it is time to jump over more of them. */
const MOST_MISSES = 32;
/** Rows that are read at once where no index leads to those that match. */
const SCANNED_AT_ONCE = 500;
/** Clauses that are looked up; a row is held against all of them anyway. */
const MOST_CLAUSES = 8;

/** As `Reader.page`, of a view that does not move, and without its revision. */
export async function pageIn(view: View, filter: PageFilter, range: PageRange): Promise<Matching> {
  const { where } = filter;
  if (where !== undefined && where.length > 0) return await matching(view, { ...filter, where }, range);
  const { after = "", limit } = range;
  const found = await rowsIn(view, filter, { after, limit: limit + 1 });
  const rows = found.slice(0, limit);
  return { rows, next: found.length > limit ? rows.at(-1)?.id : undefined };
}

type Matching = Omit<Page, "revision">;
type WhereFilter = RowFilter & { readonly where: Where };

async function matching(view: View, filter: WhereFilter, range: PageRange): Promise<Matching> {
  const parts = await postingsOf(view, filter, range.limit + 1);
  if (parts.length === 0) return await scan(view, filter, range);
  try {
    return await follow(view, { filter, parts }, range);
  } finally {
    await Promise.all(parts.map((part) => part.close()));
  }
}

async function postingsOf(view: View, filter: WhereFilter, expected: number): Promise<readonly Postings[]> {
  const { parent, where } = filter;
  const clauses = where.slice(0, MOST_CLAUSES);
  const found = await Promise.all(clauses.map((clause) => clausePostings(view, filter, { clause, expected })));
  const parts = found.filter((postings) => postings !== undefined);
  if (parent !== undefined) parts.push(storedPostings(view, parentPrefix({ ...filter, parent }), expected));
  return parts;
}

// Where two lists of ids mostly agree, to look at rows of the shorter is quicker than to look for each id in the other.
async function follow(
  view: View,
  { filter, parts }: { readonly filter: WhereFilter; readonly parts: readonly Postings[] },
  { after = "", limit }: PageRange,
): Promise<Matching> {
  const { tenant, kind, parent, where } = filter;
  // With a parent, rows may come from its list alone, and then nothing was asked of them yet.
  const isExactly = parts.length === 1 && where.length === 1 && where[0]?.every(isExact);
  const matches = isExactly ? () => true : whereMatcher(where);
  const start = after === "" ? "" : successor(after);
  const [sparsest, ...others] = await sparsestFirst(parts, start);
  if (sparsest === undefined) return { rows: [], next: undefined };
  const common = intersection([sparsest, ...others]);
  const rows: Row[] = [];
  let last = after;
  let misses = 0;
  for (let examined = 0; ; examined++) {
    const source = misses < MOST_MISSES ? sparsest : common;
    const id = await source.seek(last === "" ? "" : successor(last));
    if (id === undefined) return { rows, next: undefined };
    if (rows.length === limit || examined === MOST_EXAMINED) return { rows, next: last };
    const row = requireRow(view, { tenant, kind, id });
    const isMatch = (parent === undefined || row.parent === parent) && matches(row);
    misses = isMatch ? 0 : misses + 1;
    if (isMatch) rows.push(row);
    last = id;
  }
}

async function scan(view: View, filter: WhereFilter, { after = "", limit }: PageRange): Promise<Matching> {
  const matches = whereMatcher(filter.where);
  const rows: Row[] = [];
  let last = after;
  for (let examined = 0; examined < MOST_EXAMINED; examined += SCANNED_AT_ONCE) {
    const found = await rowsIn(view, filter, { after: last, limit: SCANNED_AT_ONCE });
    for (const row of found) {
      if (matches(row) && rows.push(row) > limit) return { rows: rows.slice(0, limit), next: rows[limit - 1]?.id };
    }
    last = found.at(-1)?.id ?? last;
    if (found.length < SCANNED_AT_ONCE) return { rows, next: undefined };
  }
  return { rows, next: last };
}

async function rowsIn(view: View, filter: RowFilter, range: Required<PageRange>): Promise<readonly Row[]> {
  const { tenant, kind, parent } = filter;
  const keys = pageRange(filter, range.after);
  if (parent === undefined) {
    const entries = await view.entries(keys, range);
    return entries.map(([key, value]) => decodeRow({ tenant, kind, id: lastField(key) }, value));
  }
  const children = await view.keys(keys, range);
  return children.map((key) => requireRow(view, { tenant, kind, id: lastField(key) }));
}

function requireRow(view: View, key: RowKey): Row {
  const value = view.get(rowKey(key));
  if (value === undefined) throw new Damaged(`an index leads nowhere: ${JSON.stringify(key)}`);
  return decodeRow(key, value);
}
