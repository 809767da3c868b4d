/** A file or folder as the directory of a zip archive describes it. Nothing of it can be relied on. */
export type ZipEntry = {
  readonly path: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  /** Of the content, unpacked. */
  readonly size: number;
  /** POSIX mode, where the archive was made by a system that has one; else 0. */
  readonly mode: number;
  /** The content as it stands in the archive; undefined where it is not there. */
  readonly packed: (data: Buffer) => Uint8Array | undefined;
};

const END = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const MOST_ENTRIES = 10_000;
/** What stands where the real number is in ZIP64's extension; no skill is that large. */
const SEE_ELSEWHERE = 0xffffffff;

/** The entries that the archive's directory names (PKWARE's APPNOTE 6.3, section 4.3); undefined where it is no such archive. */
export function zipDirectory(data: Buffer): readonly ZipEntry[] | undefined {
  const end = endOf(data);
  if (end === undefined) return undefined;
  const count = data.readUInt16LE(end + 10);
  let at = data.readUInt32LE(end + 16);
  if (count > MOST_ENTRIES) return undefined;
  const entries: ZipEntry[] = [];
  for (let index = 0; index < count; index++) {
    if (at + ENTRY_BYTES > end || data.readUInt32LE(at) !== ENTRY) return undefined;
    const entry = entryAt(data, at);
    if (!entry) return undefined;
    entries.push(entry);
    at += ENTRY_BYTES + data.readUInt16LE(at + 28) + data.readUInt16LE(at + 30) + data.readUInt16LE(at + 32);
  }
  return entries;
}

/** Where the end of the directory begins; a comment may follow it. */
function endOf(data: Buffer): number | undefined {
  const first = Math.max(0, data.length - END_BYTES - MAX_COMMENT);
  for (let at = data.length - END_BYTES; at >= first; at--) {
    if (data.readUInt32LE(at) === END && at + END_BYTES + data.readUInt16LE(at + 20) === data.length) return at;
  }
  return undefined;
}

function entryAt(data: Buffer, at: number): ZipEntry | undefined {
  const nameLength = data.readUInt16LE(at + 28);
  const [packedSize, size, offset] = [20, 24, 42].map((field) => data.readUInt32LE(at + field));
  const path = textOf(data.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + nameLength));
  if (path === undefined || packedSize === undefined || size === undefined || offset === undefined) return undefined;
  if ([packedSize, size, offset].includes(SEE_ELSEWHERE)) return undefined;
  return {
    ...{ path, size, flags: data.readUInt16LE(at + 8), method: data.readUInt16LE(at + 10) },
    ...{ crc: data.readUInt32LE(at + 16), mode: data.readUInt32LE(at + 38) >>> 16 },
    packed: (whole) => packedAt(whole, offset, packedSize),
  };
}

/** Names are UTF-8 here, whether an archive says so or not. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function packedAt(data: Buffer, offset: number, size: number): Uint8Array | undefined {
  if (offset + LOCAL_BYTES > data.length || data.readUInt32LE(offset) !== LOCAL) return undefined;
  const begin = offset + LOCAL_BYTES + data.readUInt16LE(offset + 26) + data.readUInt16LE(offset + 28);
  return begin + size <= data.length ? data.subarray(begin, begin + size) : undefined;
}
