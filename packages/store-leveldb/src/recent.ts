/** The row changes of one commit, as stored. */
export type Recorded = { readonly revision: number; readonly record: Uint8Array };

/** The newest changes, in memory. */
export type Recent = {
  /** Takes the records of commits up to `revision`, in order. Drops the oldest where there are too many. */
  add(records: readonly Recorded[]): void;
  /** At most `limit` commits after a revision, in order; undefined where some of them are no longer in memory. */
  after(revision: number, limit: number): readonly Recorded[] | undefined;
};

/** `start` is the revision of the newest commit so far; what came before it is not in memory. */
export function createRecent(start: number, bound: { readonly commits: number; readonly bytes: number }): Recent {
  let records: Recorded[] = [];
  let first = 0;
  let bytes = 0;
  let gone = start;

  function drop(): void {
    const oldest = records[first];
    if (oldest === undefined) return;
    first++;
    bytes -= oldest.record.length;
    gone = oldest.revision;
  }

  return {
    add(more) {
      for (const recorded of more) {
        records.push(recorded);
        bytes += recorded.record.length;
      }
      while (records.length - first > bound.commits || bytes > bound.bytes) drop();
      // The front is cut off rarely, because that moves all the rest.
      if (first > 1_000 && first > records.length / 2) {
        records = records.slice(first);
        first = 0;
      }
    },
    after(revision, limit) {
      if (revision < gone) return undefined;
      const from = firstAfter(records, first, revision);
      return records.slice(from, from + limit);
    },
  };
}

function firstAfter(records: readonly Recorded[], first: number, revision: number): number {
  let low = first;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const recorded = records[middle];
    if (recorded !== undefined && recorded.revision <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
