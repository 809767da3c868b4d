import { crc32 } from "node:zlib";
import { Damaged } from "./damaged.ts";

/**
 * How every value is written: a checksum, then fields one after the other, each number in eight bytes and each text or
 * byte string behind its length. LevelDB does not verify its own checksums on a read, so a value carries one.
 */
export type Cursor = { readonly buffer: Buffer; at: number };

/** Longest form of a length: seven bits a byte. */
export const LENGTH_BYTES = 5;
export const NUMBER_BYTES = 8;
const CHECKSUM_BYTES = 4;

/** Room for a value with at most `capacity` bytes of fields. */
export function blank(capacity: number): Cursor {
  return { buffer: Buffer.allocUnsafe(CHECKSUM_BYTES + capacity), at: CHECKSUM_BYTES };
}

/** The most bytes that `text` takes, its length included. */
export function textCapacity(text: string): number {
  return LENGTH_BYTES + 3 * text.length;
}

/** Ends a value and writes its checksum. */
export function seal(value: Cursor): Buffer {
  return checksummed(written(value));
}

/** Ends a value that still lacks fields, and so its checksum. */
export function written(value: Cursor): Buffer {
  return value.buffer.subarray(0, value.at);
}

/** Writes the checksum of a value that has all its fields. */
export function checksummed(value: Buffer): Buffer {
  value.writeUInt32LE(crc32(value.subarray(CHECKSUM_BYTES)), 0);
  return value;
}

/** A cursor at the first field of a stored value; refuses a damaged one. */
export function unseal(value: Uint8Array): Cursor {
  const buffer = bufferOf(value);
  if (buffer.length < CHECKSUM_BYTES) throw new Damaged("value is cut off");
  if (buffer.readUInt32LE(0) !== crc32(buffer.subarray(CHECKSUM_BYTES))) throw new Damaged("checksum differs");
  return { buffer, at: CHECKSUM_BYTES };
}

/** A cursor at the first field of a value inside one that `unseal` has verified. */
export function trusted(value: Uint8Array): Cursor {
  return { buffer: bufferOf(value), at: CHECKSUM_BYTES };
}

function bufferOf(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** Writes a whole number from 0 to 2^53 - 1, most significant byte first. */
export function putNumber(to: Cursor, value: number): void {
  to.buffer.writeUInt32BE(Math.floor(value / 2 ** 32), to.at);
  to.buffer.writeUInt32BE(value % 2 ** 32, to.at + 4);
  to.at += NUMBER_BYTES;
}

export function takeNumber(from: Cursor): number {
  const value = from.buffer.readUInt32BE(from.at) * 2 ** 32 + from.buffer.readUInt32BE(from.at + 4);
  from.at += NUMBER_BYTES;
  return value;
}

/** Writes any finite number. */
export function putFloat(to: Cursor, value: number): void {
  to.at = to.buffer.writeDoubleBE(value, to.at);
}

export function takeFloat(from: Cursor): number {
  const value = from.buffer.readDoubleBE(from.at);
  from.at += NUMBER_BYTES;
  return value;
}

export function putLength(to: Cursor, length: number): void {
  let rest = length;
  while (rest >= 0x80) {
    to.buffer[to.at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  to.buffer[to.at++] = rest;
}

export function takeLength(from: Cursor): number {
  let length = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = from.buffer[from.at++] ?? 0;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return length;
  }
  throw new Damaged("length is too long");
}

export function putText(to: Cursor, text: string): void {
  const short = text.length <= SHORT_TEXT;
  if (!short) putLength(to, Buffer.byteLength(text));
  const length = to.buffer.write(text, short ? to.at + 1 : to.at);
  if (short) to.buffer[to.at++] = length;
  to.at += length;
}

/** So few characters that their bytes, three each at most, have a length of one byte. */
const SHORT_TEXT = Math.floor(0x7f / 3);

export function takeText(from: Cursor): string {
  const end = takeLength(from) + from.at;
  const text = from.buffer.toString("utf8", from.at, end);
  from.at = end;
  return text;
}

export function putBytes(to: Cursor, bytes: Uint8Array): void {
  putLength(to, bytes.length);
  putRest(to, bytes);
}

export function takeBytes(from: Cursor): Uint8Array {
  return takeExactly(from, takeLength(from));
}

/** Writes the last field, which needs no length. */
export function putRest(to: Cursor, bytes: Uint8Array): void {
  to.buffer.set(bytes, to.at);
  to.at += bytes.length;
}

export function takeRest(from: Cursor): Uint8Array {
  return takeExactly(from, from.buffer.length - from.at);
}

// A Buffer would be a surprise to callers: its `slice` shares memory, where Uint8Array's copies.
export function takeExactly(from: Cursor, length: number): Uint8Array {
  const bytes = new Uint8Array(from.buffer.buffer, from.buffer.byteOffset + from.at, length);
  from.at += length;
  return bytes;
}
