const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;
const TABLES = makeTables();

/** The Castagnoli checksum, which LevelDB writes; Node's own `crc32` is another. */
export function crc32c(bytes: Buffer): number {
  let crc = 0xffff_ffff;
  let at = 0;
  for (; at + SLICES <= bytes.length; at += SLICES) {
    const low = (bytes.readUInt32LE(at) ^ crc) >>> 0;
    const high = bytes.readUInt32LE(at + 4);
    crc =
      entry(7, low & 0xff) ^
      entry(6, (low >>> 8) & 0xff) ^
      entry(5, (low >>> 16) & 0xff) ^
      entry(4, low >>> 24) ^
      entry(3, high & 0xff) ^
      entry(2, (high >>> 8) & 0xff) ^
      entry(1, (high >>> 16) & 0xff) ^
      entry(0, high >>> 24);
  }
  for (; at < bytes.length; at++) crc = entry(0, (crc ^ (bytes[at] ?? 0)) & 0xff) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function entry(slice: number, byte: number): number {
  return TABLES[slice * 256 + byte] ?? 0;
}

// Eight bytes at a time: table n is what a byte does to the checksum n bytes later.
function makeTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] ?? 0;
    tables[at] = (tables[before & 0xff] ?? 0) ^ (before >>> 8);
  }
  return tables;
}
