/** What a write changes: a value by key, undefined where the key goes. */
export type Writes = Map<string, Uint8Array | undefined>;

/** The database as it would be after the writes so far. */
export type Draft = {
  get(key: string): Uint8Array | undefined;
  put(key: string, value: Uint8Array): void;
  remove(key: string): void;
  /** Runs `plan`, and takes back what it has written where it throws. Not to be nested. */
  attempt<T>(plan: () => T): T;
  readonly writes: Writes;
};

/** A write as it was before. */
type Undo = { readonly key: string; readonly written: boolean; readonly value: Uint8Array | undefined };

/** A draft on top of `below`, which stays as it is. */
export function draftOver(below: { get(key: string): Uint8Array | undefined }): Draft {
  const writes: Writes = new Map();
  let undo: Undo[] = [];

  function write(key: string, value: Uint8Array | undefined): void {
    undo.push({ key, written: writes.has(key), value: writes.get(key) });
    writes.set(key, value);
  }

  function takeBack(): void {
    for (const { key, written, value } of undo.reverse()) {
      if (written) writes.set(key, value);
      else writes.delete(key);
    }
  }

  return {
    get: (key) => writes.get(key) ?? (writes.has(key) ? undefined : below.get(key)),
    put: write,
    remove: (key) => write(key, undefined),
    attempt(plan) {
      undo = [];
      try {
        return plan();
      } catch (error) {
        takeBack();
        throw error;
      }
    },
    writes,
  };
}
