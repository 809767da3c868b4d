/** What a write changes: a value by key, undefined where the key goes. */
export type Writes = Map<string, Uint8Array | undefined>;

/** The database as it would be after the writes so far. */
export type Draft = {
  get(key: string): Uint8Array | undefined;
  put(key: string, value: Uint8Array): void;
  remove(key: string): void;
  readonly writes: Writes;
};

/** A draft on top of `below`, which stays as it is. */
export function draftOver(below: { get(key: string): Uint8Array | undefined }): Draft {
  const writes: Writes = new Map();
  return {
    get: (key) => (writes.has(key) ? writes.get(key) : below.get(key)),
    put: (key, value) => {
      writes.set(key, value);
    },
    remove: (key) => {
      writes.set(key, undefined);
    },
    writes,
  };
}
