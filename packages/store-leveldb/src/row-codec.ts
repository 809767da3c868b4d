import type { Change, IndexEntry, Indexed, Row, RowContent, RowKey } from "@stigmer/store";
import { type Difference, undo } from "./index-difference.ts";
import {
  blank,
  type Cursor,
  checksummed,
  LENGTH_BYTES,
  NUMBER_BYTES,
  putBytes,
  putLength,
  putNumber,
  putRest,
  putText,
  seal,
  takeBytes,
  takeLength,
  takeNumber,
  takeRest,
  takeText,
  textCapacity,
  trusted,
  unseal,
  written,
} from "./sealed.ts";

/**
 * One row's part in a commit; `value` is its stored form, after the commit or, for a delete, before. `moved` says how what
 * the row is found by differs from before; absent where it does not.
 */
export type RowChange = {
  readonly key: RowKey;
  readonly type: Change["type"];
  readonly created: boolean;
  readonly value: Uint8Array;
  readonly moved?: Difference | undefined;
};

const DELETED = 1;
const CREATED = 2;
const MOVED = 4;

/** Before the field of an index entry, which stands among the labels: no label's key holds NUL. */
const ENTRY = "\0";

/** The stored form of a row, without its version: `stampRow` sets that. */
export function encodeRow(row: Omit<RowContent, "bytes">, bytes: Uint8Array): Buffer {
  const texts = textCapacity(row.name) + textCapacity(row.parent) + pairsCapacity(row);
  const value = blank(NUMBER_BYTES + texts + bytes.length);
  putNumber(value, 0);
  putText(value, row.name);
  putText(value, row.parent);
  putPairs(value, row);
  putRest(value, bytes);
  return written(value);
}

/** Sets the version of an encoded row, in place. */
export function stampRow(value: Buffer, version: number): Buffer {
  putNumber(trusted(value), version);
  return checksummed(value);
}

/** The row that `value` is the stored form of; refuses a damaged one. */
export function decodeRow(key: RowKey, value: Uint8Array): Row {
  return takeRow(key, unseal(value));
}

/** Whether two stored rows are found by the same, said in the same order: name, parent, labels and entries. Refuses a damaged one. */
export function isFoundAlike(value: Uint8Array, other: Buffer): boolean {
  const from = unseal(value);
  from.at += NUMBER_BYTES;
  const start = from.at;
  skipText(from);
  skipText(from);
  skipPairs(from);
  return from.at <= other.length && other.compare(from.buffer, start, from.at, start, from.at) === 0;
}

/** The record of a commit's row changes. */
export function encodeChanges(changes: readonly RowChange[]): Buffer {
  const record = blank(changes.reduce((sum, change) => sum + changeCapacity(change), 0));
  for (const { key, type, created, value, moved } of changes) {
    const flags = (type === "delete" ? DELETED : 0) | (created ? CREATED : 0) | (moved === undefined ? 0 : MOVED);
    record.buffer[record.at++] = flags;
    putText(record, key.tenant);
    putText(record, key.kind);
    putText(record, key.id);
    putBytes(record, value);
    if (moved === undefined) continue;
    putPairs(record, moved.gone);
    putPairs(record, moved.came);
  }
  return seal(record);
}

/** The changes of a commit. */
export function decodeChanges(revision: number, record: Uint8Array): readonly Change[] {
  const from = unseal(record);
  const changes: Change[] = [];
  while (from.at < from.buffer.length) changes.push(takeChange(revision, from));
  return changes;
}

function takeChange(revision: number, from: Cursor): Change {
  const flags = from.buffer[from.at++] ?? 0;
  const key = { tenant: takeText(from), kind: takeText(from), id: takeText(from) };
  const row = takeRow(key, trusted(takeBytes(from)));
  const type = (flags & DELETED) === 0 ? "put" : "delete";
  const change = { revision, type, created: (flags & CREATED) !== 0, row } as const;
  if ((flags & MOVED) === 0) return change;
  return { ...change, before: undo(row, { gone: takePairs(from), came: takePairs(from) }) };
}

/** Labels and index entries are only taken apart where somebody asks for them: who pages through rows seldom does. */
function takeRow({ tenant, kind, id }: RowKey, from: Cursor): Row {
  const version = takeNumber(from);
  const name = takeText(from);
  const parent = takeText(from);
  const pairs = { buffer: from.buffer, at: from.at };
  skipPairs(from);
  let found: Indexed | undefined;
  const taken = (): Indexed => {
    found ??= takePairs(pairs);
    return found;
  };
  return {
    ...{ tenant, kind, id, version, name, parent },
    get labels() {
      return taken().labels;
    },
    get indexed() {
      return taken().indexed as readonly IndexEntry[];
    },
    bytes: takeRest(from),
  };
}

function skipPairs(from: Cursor): void {
  for (let texts = 2 * takeLength(from); texts > 0; texts--) skipText(from);
}

function skipText(from: Cursor): void {
  const length = takeLength(from); // it moves the cursor before the text is passed over
  from.at += length;
}

function putPairs(to: Cursor, { labels, indexed = [] }: Indexed): void {
  const keys = Object.keys(labels);
  putLength(to, keys.length + indexed.length);
  for (const key of keys) {
    putText(to, key);
    putText(to, labels[key] ?? "");
  }
  for (const [field, value] of indexed) {
    putText(to, `${ENTRY}${field}`);
    putText(to, value);
  }
}

function takePairs(from: Cursor): Indexed {
  const labels: Record<string, string> = {};
  const indexed: IndexEntry[] = [];
  for (let rest = takeLength(from); rest > 0; rest--) {
    const key = takeText(from);
    const text = takeText(from);
    if (key.startsWith(ENTRY)) indexed.push([key.slice(ENTRY.length), text]);
    else setLabel(labels, key, text);
  }
  return indexed.length === 0 ? { labels } : { labels, indexed };
}

// Plain assignment would lose the one label that is called `__proto__`.
function setLabel(labels: Record<string, string>, label: string, text: string): void {
  if (label !== "__proto__") labels[label] = text;
  else Object.defineProperty(labels, label, { value: text, enumerable: true, configurable: true, writable: true });
}

function pairsCapacity({ labels, indexed = [] }: Indexed): number {
  let capacity = LENGTH_BYTES;
  for (const key of Object.keys(labels)) capacity += textCapacity(key) + textCapacity(labels[key] ?? "");
  for (const [field, value] of indexed) capacity += ENTRY.length + textCapacity(field) + textCapacity(value);
  return capacity;
}

function changeCapacity({ key, value, moved }: RowChange): number {
  const lists = moved === undefined ? 0 : pairsCapacity(moved.gone) + pairsCapacity(moved.came);
  const texts = textCapacity(key.tenant) + textCapacity(key.kind) + textCapacity(key.id);
  return 1 + texts + LENGTH_BYTES + value.length + lists;
}
