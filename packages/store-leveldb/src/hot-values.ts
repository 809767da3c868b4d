import type { Writes } from "./draft.ts";

/**
 * The values that the writer has put last, by key. It is the only writer, so they are what is stored, and a plan that
 * needs one does without a look into the database.
 */
export type HotValues = {
  get(key: string): Uint8Array | undefined;
  /** Takes in what was synced. */
  add(writes: Writes): void;
};

/** Only rows, heads and tasks are written again and again; bigger values are not worth their room. */
const KINDS = new Set(["r", "h", "t"]);
const BIGGEST_BYTES = 16 * 1024;

/** `below` is asked for what is not kept; at most `bound` bytes are. */
export function createHotValues(below: { get(key: string): Uint8Array | undefined }, bound: number): HotValues {
  const values = new Map<string, Uint8Array>();
  let bytes = 0;

  function forget(key: string): void {
    const value = values.get(key);
    if (value === undefined) return;
    values.delete(key);
    bytes -= key.length + value.length;
  }

  function keep(key: string, value: Uint8Array | undefined): void {
    forget(key);
    if (value === undefined || value.length > BIGGEST_BYTES) return;
    // At the end of the order, so that what was written longest ago goes first.
    values.set(key, value);
    bytes += key.length + value.length;
  }

  return {
    get: (key) => values.get(key) ?? below.get(key),
    add(writes) {
      for (const [key, value] of writes) if (KINDS.has(key.charAt(0))) keep(key, value);
      for (const oldest of values.keys()) {
        if (bytes <= bound) break;
        forget(oldest);
      }
    },
  };
}
