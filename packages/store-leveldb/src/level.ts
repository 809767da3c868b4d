import { MAX_IDENTIFIER_BYTES } from "@stigmer/store";
import type { AbstractLevel, AbstractSnapshot } from "abstract-level";
import type { Writes } from "./draft.ts";
import type { KeyRange } from "./keys.ts";

/** The database that the driver is written against: keys `utf8`, values `view`. */
export type Level = AbstractLevel<string | Buffer | Uint8Array, string, Uint8Array>;

/** The database as it is, or as it was at a snapshot. Errors are the database's own. */
export type View = {
  get(key: string): Uint8Array | undefined;
  /** At most `limit` entries of the range, and where `maxBytes` is given, none after those that reach it. */
  entries(range: KeyRange, bounds: Bounds): Promise<readonly Entry[]>;
  /** Only the keys, of at most `limit` entries. */
  keys(range: KeyRange, bounds: Bounds): Promise<readonly string[]>;
  /** The last key of a range. */
  lastKey(range: KeyRange): Promise<string | undefined>;
  /** Only the keys, step by step. */
  cursor(range: KeyRange): KeyCursor;
};

/** Goes through the keys of a range. */
export type KeyCursor = {
  /** At most `size` of the keys that come next; none where the range ends. */
  next(size: number): Promise<readonly string[]>;
  /** Goes on with the first key that is `key` or comes after it. */
  seek(key: string): void;
  close(): Promise<void>;
};

export type Bounds = { readonly limit: number; readonly maxBytes?: number };
export type Entry = readonly [key: string, value: Uint8Array];

const READ_BYTES = 8 * 1024 * 1024;

export function viewOf(level: Level, snapshot?: AbstractSnapshot): View {
  const at = snapshot === undefined ? {} : { snapshot };
  return {
    // Without options it takes a shorter way.
    get: snapshot === undefined ? (key) => level.getSync(key) : (key) => level.getSync(key, at),
    async entries(range, bounds) {
      const reading = { ...at, ...range, limit: bounds.limit, highWaterMarkBytes: bounds.maxBytes ?? READ_BYTES };
      await using iterator = level.iterator(reading);
      return bounds.maxBytes === undefined ? await readAll(iterator, bounds.limit) : iterator.nextv(bounds.limit);
    },
    async keys(range, bounds) {
      const reading = { ...at, ...range, limit: bounds.limit, highWaterMarkBytes: READ_BYTES };
      await using iterator = level.keys(reading);
      return await readAll(iterator, bounds.limit);
    },
    async lastKey(range) {
      await using iterator = level.keys({ ...at, ...range, reverse: true, limit: 1 });
      return await iterator.next();
    },
    cursor(range) {
      const reading = { ...at, ...range, highWaterMarkBytes: READ_BYTES };
      const iterator = level.keys(reading);
      return {
        next: (size) => iterator.nextv(size),
        seek: (key) => iterator.seek(key),
        close: () => iterator.close(),
      };
    },
  };
}

/** Runs `read` over a view that does not move while it runs. */
export async function steadily<T>(level: Level, read: (view: View) => Promise<T>): Promise<T> {
  await using snapshot = level.snapshot();
  return await read(viewOf(level, snapshot));
}

/** Writes all or nothing, and resolves once it is on disk. */
export async function writeSynced(level: Level, writes: Writes): Promise<void> {
  await using batch = level.batch();
  for (const [key, value] of writes) {
    if (value === undefined) batch.del(key);
    else batch.put(key, value);
  }
  await batch.write(SYNCED);
}

const SYNCED = { sync: true };

/**
 * Makes `getSync` right for every key. classic-level keeps one buffer for keys, made for the first and grown when a longer
 * one fills it; if the first character that does not fit takes several bytes, nothing is full, and it looks up a key
 * without its end. No key is longer than the one that this looks up.
 */
export function makeRoomForKeys(level: Level): void {
  level.getSync("~".repeat(8 * MAX_IDENTIFIER_BYTES));
}

async function readAll<T>(iterator: { nextv(size: number): Promise<T[]> }, limit: number): Promise<readonly T[]> {
  const found = await iterator.nextv(limit);
  // A step ends early where it has read enough bytes.
  while (found.length < limit) {
    const more = await iterator.nextv(limit - found.length);
    if (more.length === 0) break;
    found.push(...more);
  }
  return found;
}
