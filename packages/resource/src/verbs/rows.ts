import { compareBytewise, MAX_PAGE_ROWS, type Reader, type Row, type RowFilter } from "@stigmer/store";
import type { IndexPlan } from "../select/condition.ts";

/** Rows of some kinds that a plan finds. */
export type RowQuery = { readonly filters: readonly RowFilter[]; readonly plan: IndexPlan };

/** Rows in order of id; `next` is the `after` of those that follow, undefined where there are none. */
export type Rows = { readonly rows: readonly Row[]; readonly next: string | undefined };

type Range = { readonly after: string; readonly limit: number };

/** So many pages of the store go into one answer; then the answer is short, and its reader asks for the next. */
const MOST_STORE_PAGES = 10;
/** Rows that are looked at in one step where not all that the store finds count. */
const SIFTED_AT_ONCE = 500;

/** At most `limit` rows after an id. Fewer, even none, may come with a `next`: the work for one answer is bounded. */
export async function matchingRows(read: Reader, { filters, plan }: RowQuery, range: Range): Promise<Rows> {
  const parts = await Promise.all(filters.map((filter) => siftedRows(read, { filter, plan }, range)));
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : merge(parts, range.limit);
}

async function siftedRows(
  read: Reader,
  { filter, plan }: { readonly filter: RowFilter; readonly plan: IndexPlan },
  { after, limit }: Range,
): Promise<Rows> {
  const { where, rest } = plan;
  const rows: Row[] = [];
  let next: string | undefined = after;
  for (let pages = 0; next !== undefined && pages < MOST_STORE_PAGES; pages++) {
    const size = pages === 0 ? limit : Math.min(MAX_PAGE_ROWS, Math.max(limit, SIFTED_AT_ONCE));
    const page: Awaited<ReturnType<Reader["page"]>> = await read.page(
      { ...filter, where },
      { after: next, limit: size },
    );
    for (const [at, row] of page.rows.entries()) {
      if (!rest(row)) continue;
      rows.push(row);
      const isLast = at === page.rows.length - 1 && page.next === undefined;
      if (rows.length === limit) return { rows, next: isLast ? undefined : row.id };
    }
    next = page.next;
    if (page.rows.length < size) break; // the store has ended, or has done as much as it does at once
  }
  return { rows, next };
}

// What lies behind the end of a part that is not read whole can't be merged yet.
function merge(parts: readonly Rows[], limit: number): Rows {
  const ends = parts.flatMap(({ next }) => (next === undefined ? [] : [next]));
  const end = ends.reduce<string | undefined>(
    (first, id) => (first === undefined || isLess(id, first) ? id : first),
    undefined,
  );
  const rows = parts
    .flatMap((part) => part.rows)
    .filter(({ id }) => end === undefined || !isLess(end, id))
    .sort((one, other) => compareBytewise(one.id, other.id));
  return rows.length > limit ? { rows: rows.slice(0, limit), next: rows[limit - 1]?.id } : { rows, next: end };
}

function isLess(one: string, other: string): boolean {
  return compareBytewise(one, other) < 0;
}
