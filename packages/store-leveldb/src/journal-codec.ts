import { hash } from "node:crypto";
import type { JournalEntry, StreamHead, StreamSnapshot, Task, TaskKey } from "@stigmer/store";
import {
  blank,
  checksummed,
  LENGTH_BYTES,
  NUMBER_BYTES,
  putBytes,
  putFloat,
  putLength,
  putNumber,
  putRest,
  putText,
  seal,
  takeBytes,
  takeExactly,
  takeFloat,
  takeNumber,
  takeRest,
  takeText,
  textCapacity,
  trusted,
  unseal,
  written,
} from "./sealed.ts";

const HASH_BYTES = 32;
const AWAKE = 1;

/** Where a stream without entries ends. */
export const NO_ENTRY: StreamHead = { sequence: 0, hash: new Uint8Array() };

/** The stored form of an entry, without hashes and sequence, which `chainEntry` sets; `chained` where one comes before it. */
export function encodeEntry(event: Uint8Array, { chained }: { readonly chained: boolean }): Buffer {
  const value = blank(HASH_BYTES + LENGTH_BYTES + HASH_BYTES + NUMBER_BYTES + event.length);
  const prevBytes = chained ? HASH_BYTES : 0;
  value.at += HASH_BYTES;
  putLength(value, prevBytes);
  value.at += prevBytes + NUMBER_BYTES;
  putRest(value, event);
  return written(value);
}

/** Sets sequence and hashes of an encoded entry, in place, and returns where its stream ends with it: bytes of the entry. */
export function chainEntry(value: Buffer, prevHash: Uint8Array, sequence: number): StreamHead {
  const at = trusted(value);
  const hashed = { buffer: value, at: at.at + HASH_BYTES };
  putBytes(hashed, prevHash);
  putNumber(hashed, sequence);
  const chain = value.subarray(hashed.at - NUMBER_BYTES - prevHash.length);
  // As text, since Node.js takes twice as long to make a buffer.
  value.write(hash("sha256", chain, "binary"), at.at, "binary");
  checksummed(value);
  return { sequence, hash: value.subarray(at.at, at.at + HASH_BYTES) };
}

export function decodeEntry(value: Uint8Array): JournalEntry {
  const from = unseal(value);
  const digest = takeExactly(from, HASH_BYTES);
  const prevHash = takeBytes(from);
  return { sequence: takeNumber(from), prevHash, hash: digest, event: takeRest(from) };
}

export function encodeHead(head: StreamHead): Buffer {
  const value = blank(NUMBER_BYTES + head.hash.length);
  putNumber(value, head.sequence);
  putRest(value, head.hash);
  return seal(value);
}

export function decodeHead(value: Uint8Array): StreamHead {
  const from = unseal(value);
  return { sequence: takeNumber(from), hash: takeRest(from) };
}

export function encodeSnapshot({ sequence, bytes }: StreamSnapshot): Buffer {
  const value = blank(NUMBER_BYTES + bytes.length);
  putNumber(value, sequence);
  putRest(value, bytes);
  return seal(value);
}

export function decodeSnapshot(value: Uint8Array): StreamSnapshot {
  const from = unseal(value);
  return { sequence: takeNumber(from), bytes: takeRest(from) };
}

export function encodeTask(task: Task): Buffer {
  const value = blank(1 + 2 * NUMBER_BYTES + textCapacity(task.holder) + task.bytes.length);
  value.buffer[value.at++] = task.dueAt === undefined ? 0 : AWAKE;
  putNumber(value, task.epoch);
  putFloat(value, task.dueAt ?? 0);
  putText(value, task.holder);
  putRest(value, task.bytes);
  return seal(value);
}

export function decodeTask({ tenant, queue, id }: TaskKey, value: Uint8Array): Task {
  const from = unseal(value);
  const awake = from.buffer[from.at++] === AWAKE;
  const epoch = takeNumber(from);
  const dueAt = takeFloat(from);
  const holder = takeText(from);
  return { tenant, queue, id, epoch, holder, dueAt: awake ? dueAt : undefined, bytes: takeRest(from) };
}
