import { Damaged } from "./damaged.ts";
import { readRecords } from "./log-format.ts";

/** What LevelDB's manifest says belongs to a database: the sizes of its tables by number, and its oldest log. */
export type Manifest = { readonly tables: ReadonlyMap<number, number>; readonly oldestLog: number };

type Edit = {
  readonly oldestLog: number | undefined;
  readonly removed: readonly string[];
  readonly added: readonly { readonly place: string; readonly number: number; readonly bytes: number }[];
};

type Reader = { readonly record: Buffer; at: number };

const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  removedTable: 6,
  addedTable: 7,
  previousLog: 9,
};

/** Replays the edits in a manifest; refuses one that LevelDB could not have written. */
export function parseManifest(bytes: Buffer): Manifest {
  const tables = new Map<string, readonly [number: number, bytes: number]>();
  let oldestLog = 0;
  for (const record of readRecords(bytes)) {
    const edit = parseEdit(record);
    for (const place of edit.removed) tables.delete(place);
    for (const { place, number, bytes } of edit.added) tables.set(place, [number, bytes]);
    oldestLog = edit.oldestLog ?? oldestLog;
  }
  return { tables: new Map(tables.values()), oldestLog };
}

function parseEdit(record: Buffer): Edit {
  const from: Reader = { record, at: 0 };
  const removed: string[] = [];
  const added: Edit["added"][number][] = [];
  let oldestLog: number | undefined;
  while (from.at < record.length) {
    const tag = takeVarint(from);
    if (tag === TAG.logNumber) oldestLog = takeVarint(from);
    else if (tag === TAG.removedTable) removed.push(takePlace(from).place);
    else if (tag === TAG.addedTable) added.push(takeTable(from));
    else skip(from, tag);
  }
  return { oldestLog, removed, added };
}

function takePlace(from: Reader): { place: string; number: number } {
  const level = takeVarint(from);
  const number = takeVarint(from);
  return { place: `${level}/${number}`, number };
}

function takeTable(from: Reader): Edit["added"][number] {
  const { place, number } = takePlace(from);
  const bytes = takeVarint(from);
  skipBytes(from);
  skipBytes(from);
  return { place, number, bytes };
}

function skip(from: Reader, tag: number): void {
  if (tag === TAG.nextFile || tag === TAG.lastSequence || tag === TAG.previousLog) takeVarint(from);
  else if (tag === TAG.comparator) skipBytes(from);
  else if (tag === TAG.compactPointer) {
    takeVarint(from);
    skipBytes(from);
  } else throw new Damaged("the manifest holds something unknown");
}

function skipBytes(from: Reader): void {
  const length = takeVarint(from);
  from.at += length;
}

function takeVarint(from: Reader): number {
  let value = 0;
  for (let scale = 1; scale < 2 ** 63; scale *= 128) {
    const byte = from.record[from.at++];
    if (byte === undefined) throw new Damaged("the manifest is cut off");
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
  throw new Damaged("the manifest holds a number that is too long");
}
