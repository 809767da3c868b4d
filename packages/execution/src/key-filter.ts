/**
 * Which keys were surely never added, in 16 KiB however many are: a Bloom filter with four bits for each key. One in a
 * thousand of the others is taken for one that was added after 6,000 keys, one in three after 50,000.
 */
export type KeyFilter = Uint8Array;

const BYTES = 16 * 1024;
const BITS = BYTES * 8;
const PROBES = 4;

export function newKeyFilter(): KeyFilter {
  return new Uint8Array(BYTES);
}

export function addKey(filter: KeyFilter, key: string): void {
  for (const bit of bitsOf(key)) filter[bit >> 3] = (filter[bit >> 3] ?? 0) | (1 << (bit & 7));
}

/** False where the key was never added. */
export function mayHave(filter: KeyFilter, key: string): boolean {
  return bitsOf(key).every((bit) => ((filter[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0);
}

/** FNV-1a twice, from two starts, combined as Kirsch and Mitzenmacher do. */
function bitsOf(key: string): number[] {
  const one = fnv(key, 0x811c9dc5);
  const other = fnv(key, 0x01000193) | 1;
  return Array.from({ length: PROBES }, (_, at) => ((one + Math.imul(at, other)) >>> 0) % BITS);
}

function fnv(key: string, start: number): number {
  let hash = start;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
