import { compareBytewise, type IndexTerm, isLabelField, type MaybePromise } from "@stigmer/store";
import { presencePrefix, valuePrefix, valueRange } from "./index-keys.ts";
import { type KeyRange, lastField } from "./keys.ts";
import type { KeyCursor, View } from "./level.ts";

/** Ids in order, bytewise, each once. Closing gives back what reading them holds. */
export type Postings = {
  /** The first id that is `least` or comes after it; undefined where there is none. `least` never goes back. */
  seek(least: string): MaybePromise<string | undefined>;
  /** The last of the ids that are read already; undefined where they are all. The further it is, the fewer ids there are. */
  reach(): string | undefined;
  close(): Promise<void>;
};

/** Ids of a range are not in order: they are collected and sorted, up to so many. */
const MOST_COLLECTED = 5_000;
const FEWEST_AT_ONCE = 16;

/** The first text after an id. */
export const successor = (id: string): string => `${id}\0`;

/**
 * The ids of rows that may have what a clause asks for, and of all that do; undefined where finding them would cost more
 * than looking at rows. `expected` is about how many ids will be taken.
 */
export async function clausePostings(
  view: View,
  place: { readonly tenant: string; readonly kind: string },
  of: { readonly clause: readonly IndexTerm[]; readonly expected: number },
): Promise<Postings | undefined> {
  const prefixes: string[] = [];
  const ids = new Set<string>();
  for (const term of of.clause) {
    if ("in" in term) prefixes.push(...new Set(term.in.map((value) => valuePrefix(place, term.field, value))));
    else if ("present" in term && isLabelField(term.field)) prefixes.push(presencePrefix(place, term.field));
    else if (!(await collect(view, valueRange(place, "present" in term ? { field: term.field } : term), ids)))
      return undefined;
  }
  const atOnce = Math.max(FEWEST_AT_ONCE, Math.ceil(of.expected / Math.max(1, prefixes.length)));
  const parts = prefixes.map((prefix) => storedPostings(view, prefix, atOnce));
  if (ids.size > 0) parts.push(sortedPostings([...ids].sort(compareBytewise)));
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : union(parts);
}

/** The ids that stand behind `prefix` and NUL; at least `atOnce` are read in one step. */
export function storedPostings(view: View, prefix: string, atOnce: number): Postings {
  let cursor: KeyCursor | undefined;
  let ids: readonly string[] = [];
  let at = 0;
  let ended = false;

  async function read(least: string): Promise<string | undefined> {
    cursor ??= view.cursor({ gte: `${prefix}\0${least}`, lt: `${prefix}\x01` });
    while (!ended) {
      // What was read last is before `least`; it is worth a jump where that is not the very next.
      const last = ids.at(-1);
      if (last !== undefined && compareBytewise(least, successor(last)) > 0) cursor.seek(`${prefix}\0${least}`);
      ids = (await cursor.next(atOnce)).map(lastField);
      at = 0;
      ended = ids.length === 0;
      skip(least);
      if (at < ids.length) break;
    }
    return ids[at];
  }

  function skip(least: string): void {
    for (let id = ids[at]; id !== undefined && compareBytewise(id, least) < 0; id = ids[at]) at++;
  }

  return {
    seek(least) {
      skip(least);
      return at < ids.length || ended ? ids[at] : read(least);
    },
    reach: () => (ended ? undefined : (ids.at(-1) ?? "")),
    close: async () => await cursor?.close(),
  };
}

/** The parts, the one with the fewest ids first, as far as what is read of them from `least` on tells. */
export async function sparsestFirst(parts: readonly Postings[], least: string): Promise<readonly Postings[]> {
  if (parts.length < 2) return parts;
  await Promise.all(parts.map((part) => part.seek(least)));
  return [...parts].sort((one, other) => byReach(one.reach(), other.reach()));
}

function byReach(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined) return one === other ? 0 : one === undefined ? -1 : 1;
  return compareBytewise(other, one);
}

/** The ids that all of the parts have. */
export function intersection(parts: readonly Postings[]): Postings {
  return {
    async seek(least) {
      let candidate = least;
      let agreed = 0;
      for (let at = 0; agreed < parts.length; at = (at + 1) % parts.length) {
        const id = await parts[at]?.seek(candidate);
        if (id === undefined) return undefined;
        agreed = id === candidate ? agreed + 1 : 1;
        candidate = id;
      }
      return candidate;
    },
    reach: () => parts[0]?.reach(),
    close: () => closeAll(parts),
  };
}

function union(parts: readonly Postings[]): Postings {
  return {
    async seek(least) {
      const ids = await Promise.all(parts.map((part) => part.seek(least)));
      return firstOf(ids);
    },
    reach: () => firstOf(parts.map((part) => part.reach())),
    close: () => closeAll(parts),
  };
}

function sortedPostings(ids: readonly string[]): Postings {
  let at = 0;
  return {
    seek(least) {
      for (let id = ids[at]; id !== undefined && isLess(id, least); id = ids[at]) at++;
      return ids[at];
    },
    reach: () => undefined,
    close: async () => {},
  };
}

async function collect(view: View, range: KeyRange, ids: Set<string>): Promise<boolean> {
  const room = MOST_COLLECTED - ids.size;
  const keys = await view.keys(range, { limit: room + 1 });
  for (const key of keys) ids.add(lastField(key));
  return keys.length <= room;
}

async function closeAll(parts: readonly Postings[]): Promise<void> {
  await Promise.all(parts.map((part) => part.close()));
}

function firstOf(ids: readonly (string | undefined)[]): string | undefined {
  return ids.reduce(
    (first, id) => (first === undefined || (id !== undefined && isLess(id, first)) ? id : first),
    undefined,
  );
}

function isLess(one: string, other: string): boolean {
  return compareBytewise(one, other) < 0;
}
