import type { Change, Row, RowContent, RowFilter, RowKey } from "@stigmer/store";
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

/** One row's part in a commit; `value` is its stored form, after the commit or, for a delete, before. */
export type RowChange = {
  readonly key: RowKey;
  readonly type: Change["type"];
  readonly created: boolean;
  readonly value: Uint8Array;
};

const DELETED = 1;
const CREATED = 2;

/** The stored form of a row, without its version: `stampRow` sets that. */
export function encodeRow(row: RowContent): Buffer {
  const labels = Object.entries(row.labels);
  const value = blank(rowCapacity(row, labels));
  putNumber(value, 0);
  putText(value, row.name);
  putText(value, row.parent);
  putLength(value, labels.length);
  for (const [label, text] of labels) {
    putText(value, label);
    putText(value, text);
  }
  putRest(value, row.bytes);
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

/** The record of a commit's row changes. */
export function encodeChanges(changes: readonly RowChange[]): Buffer {
  const record = blank(changes.reduce((sum, change) => sum + changeCapacity(change), 0));
  for (const { key, type, created, value } of changes) {
    record.buffer[record.at++] = (type === "delete" ? DELETED : 0) | (created ? CREATED : 0);
    putText(record, key.tenant);
    putText(record, key.kind);
    putText(record, key.id);
    putBytes(record, value);
  }
  return seal(record);
}

/** Those changes of a commit that match the filter. */
export function decodeChanges(revision: number, record: Uint8Array, filter: RowFilter): readonly Change[] {
  const from = unseal(record);
  const changes: Change[] = [];
  while (from.at < from.buffer.length) {
    const change = takeChange(revision, from, filter);
    if (change !== undefined) changes.push(change);
  }
  return changes;
}

function takeChange(revision: number, from: Cursor, filter: RowFilter): Change | undefined {
  const flags = from.buffer[from.at++] ?? 0;
  const key = { tenant: takeText(from), kind: takeText(from), id: takeText(from) };
  const value = takeBytes(from);
  if (key.tenant !== filter.tenant || key.kind !== filter.kind) return undefined;
  const row = takeRow(key, trusted(value));
  if (filter.parent !== undefined && row.parent !== filter.parent) return undefined;
  const type = (flags & DELETED) === 0 ? "put" : "delete";
  return { revision, type, created: (flags & CREATED) !== 0, row };
}

function takeRow({ tenant, kind, id }: RowKey, from: Cursor): Row {
  const version = takeNumber(from);
  const name = takeText(from);
  const parent = takeText(from);
  const labels: Record<string, string> = {};
  for (let rest = takeLength(from); rest > 0; rest--) setLabel(labels, takeText(from), takeText(from));
  return { tenant, kind, id, version, name, parent, labels, bytes: takeRest(from) };
}

// Plain assignment would lose the one label that is called `__proto__`.
function setLabel(labels: Record<string, string>, label: string, text: string): void {
  if (label !== "__proto__") labels[label] = text;
  else Object.defineProperty(labels, label, { value: text, enumerable: true, configurable: true, writable: true });
}

function rowCapacity(row: RowContent, labels: readonly (readonly [string, string])[]): number {
  const texts = labels.reduce((sum, [label, text]) => sum + textCapacity(label) + textCapacity(text), 0);
  return NUMBER_BYTES + textCapacity(row.name) + textCapacity(row.parent) + LENGTH_BYTES + texts + row.bytes.length;
}

function changeCapacity({ key, value }: RowChange): number {
  return 1 + textCapacity(key.tenant) + textCapacity(key.kind) + textCapacity(key.id) + LENGTH_BYTES + value.length;
}
