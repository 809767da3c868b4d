import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOOTER_BYTES = 48;
const TRAILER_BYTES = 5;
const LOG_BLOCK_BYTES = 32 * 1024;
const LOG_HEAD_BYTES = 7;
const SNAPPY = 1;

/** All that a LevelDB folder holds, what is overwritten or deleted and still there included: tables unpacked, logs put together. */
export function bytesOfLevelDb(folder: string): Buffer {
  const parts = readdirSync(folder).map((name) => {
    const bytes = readFileSync(join(folder, name));
    if (/\.(ldb|sst)$/.test(name)) return tableBytes(bytes);
    return /^\d+\.log$/.test(name) || name.startsWith("MANIFEST") ? logBytes(bytes) : bytes;
  });
  return Buffer.concat(parts);
}

/** Keys and values of a table, one after the other; a block's keys are whole. */
function tableBytes(file: Buffer): Buffer {
  const footer = createReader(file.subarray(-FOOTER_BYTES));
  footer.varint();
  footer.varint();
  const index = blockAt(file, { offset: footer.varint(), size: footer.varint() });
  const parts: Buffer[] = [];
  for (const { value } of entriesOf(index)) {
    const handle = createReader(value);
    for (const entry of entriesOf(blockAt(file, { offset: handle.varint(), size: handle.varint() })))
      parts.push(entry.key, entry.value);
  }
  return Buffer.concat(parts);
}

function blockAt(file: Buffer, { offset, size }: { readonly offset: number; readonly size: number }): Buffer {
  const bytes = file.subarray(offset, offset + size);
  return file.subarray(offset, offset + size + TRAILER_BYTES)[size] === SNAPPY ? unsnappy(bytes) : bytes;
}

function* entriesOf(block: Buffer): Iterable<{ readonly key: Buffer; readonly value: Buffer }> {
  const end = block.length - 4 - 4 * block.readUInt32LE(block.length - 4);
  const reader = createReader(block);
  let key: Buffer = Buffer.alloc(0);
  while (reader.at() < end) {
    const [shared, unshared, length] = [reader.varint(), reader.varint(), reader.varint()];
    key = Buffer.concat([key.subarray(0, shared), reader.bytes(unshared)]);
    yield { key, value: reader.bytes(length) };
  }
}

/** The records of a log without what stands between their pieces. */
function logBytes(file: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let start = 0; start < file.length; start += LOG_BLOCK_BYTES) {
    const block = file.subarray(start, start + LOG_BLOCK_BYTES);
    for (let at = 0; at + LOG_HEAD_BYTES <= block.length; ) {
      const length = block.readUInt16LE(at + 4);
      parts.push(block.subarray(at + LOG_HEAD_BYTES, at + LOG_HEAD_BYTES + length));
      at += LOG_HEAD_BYTES + length;
    }
  }
  return Buffer.concat(parts);
}

/** Snappy's raw format: literals, and copies of what came before. */
function unsnappy(bytes: Buffer): Buffer {
  const reader = createReader(bytes);
  const out = Buffer.alloc(reader.varint());
  let at = 0;
  const copy = (distance: number, length: number): void => {
    for (let count = 0; count < length; count++, at++) out[at] = out[at - distance] ?? 0;
  };
  while (reader.at() < bytes.length) {
    const tag = reader.byte();
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >> 2;
      const length = (short < 60 ? short : reader.little(short - 59)) + 1;
      at += reader.bytes(length).copy(out, at);
    } else if (kind === 1) copy(((tag >> 5) << 8) | reader.byte(), ((tag >> 2) & 7) + 4);
    else copy(reader.little(kind === 2 ? 2 : 4), (tag >> 2) + 1);
  }
  return out;
}

function createReader(bytes: Buffer) {
  let at = 0;
  const byte = (): number => bytes[at++] ?? 0;
  return {
    at: () => at,
    byte,
    little: (count: number): number => {
      at += count;
      return bytes.readUIntLE(at - count, count);
    },
    varint: (): number => {
      let value = 0;
      for (let factor = 1; ; factor *= 128) {
        const next = byte();
        value += (next & 127) * factor;
        if (next < 128) return value;
      }
    },
    bytes: (length: number): Buffer => {
      at += length;
      return bytes.subarray(at - length, at);
    },
  };
}
