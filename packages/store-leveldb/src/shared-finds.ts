import type { Change, RowFilter } from "@stigmer/store";

export type Found = { readonly changes: readonly Change[]; readonly upTo: number };

/** What watches that stand at one place find there: the same for all that look before the next commit, and found once. */
export type SharedFinds = {
  of(filter: RowFilter, position: number, find: () => Found): Found;
  /** Forgets all, since there is more to find. */
  clear(): void;
};

const MOST_FINDS = 64;

export function createSharedFinds(): SharedFinds {
  const known = new Map<string, Found>();
  return {
    of({ tenant, kind, parent }, position, find) {
      const key = `${tenant}\0${kind}\0${position}\0${parent === undefined ? "" : `=${parent}`}`;
      const found = known.get(key) ?? find();
      if (known.size >= MOST_FINDS) known.clear();
      known.set(key, found);
      return found;
    },
    clear: () => known.clear(),
  };
}
