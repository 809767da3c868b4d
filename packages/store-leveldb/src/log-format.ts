import { crc32c } from "./crc32c.ts";
import { Damaged } from "./damaged.ts";

/**
 * LevelDB's format of write-ahead logs and manifests: blocks of 32 KiB with fragments of records, each behind a header of
 * masked checksum, length and type. LevelDB passes over what it can't read in a log, and over the commits in it, in
 * silence; this is to notice.
 */
const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

type Fragment = { readonly type: number; readonly payload: Buffer };

/**
 * The records of a log. One that was being written when the machine stopped may be missing at the end. Refuses a log in
 * which something unreadable is followed by the beginning of a record: that was synced before, and is lost.
 */
export function readRecords(log: Buffer): readonly Buffer[] {
  const records: Buffer[] = [];
  let parts: Buffer[] = [];
  let torn = false;
  for (const fragment of fragments(log)) {
    torn ||= fragment === undefined;
    if (fragment === undefined) continue;
    const begins = fragment.type === FULL || fragment.type === FIRST;
    if (begins && (torn || parts.length > 0)) throw new Damaged("a log has lost a record");
    if (torn) continue;
    parts.push(fragment.payload);
    if (fragment.type !== FULL && fragment.type !== LAST) continue;
    records.push(Buffer.concat(parts));
    parts = [];
  }
  return records;
}

/** Fragments in order; undefined for what is none. */
function* fragments(log: Buffer): Generator<Fragment | undefined> {
  for (let block = 0; block < log.length; block += BLOCK_BYTES) {
    yield* fragmentsOf(log.subarray(block, block + BLOCK_BYTES));
  }
}

function* fragmentsOf(block: Buffer): Generator<Fragment | undefined> {
  let at = 0;
  while (block.length - at >= HEADER_BYTES) {
    const end = at + HEADER_BYTES + block.readUInt16LE(at + 4);
    const type = block.readUInt8(at + 6);
    if (type < FULL || type > LAST || end > block.length) return yield undefined;
    // LevelDB gives the rest of a block up where a checksum differs; what follows would tell that something was lost.
    const sound = unmask(block.readUInt32LE(at)) === crc32c(block.subarray(at + 6, end));
    yield sound ? { type, payload: block.subarray(at + HEADER_BYTES, end) } : undefined;
    at = end;
  }
}

function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}
