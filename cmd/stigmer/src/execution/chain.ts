import { createHash } from "node:crypto";
import type { JournalEntry } from "@stigmer/contracts/agentic";

/** A journal's hash chain as far as it was checked. */
export type Chain = {
  readonly entries: number;
  /** Hash of the newest entry; empty before the first. */
  readonly head: Uint8Array;
  /** First sequence that is not what the chain says; 0 while there is none. */
  readonly brokenAt: number;
};

const HASH_BYTES = 32;

export const EMPTY_CHAIN: Chain = { entries: 0, head: new Uint8Array(), brokenAt: 0 };

/**
 * Adds the next entry: its place, its link to the one before, and its own hash. After a break nothing is added. A fork's
 * first entry links to an entry of another journal, which is the backend's to check.
 */
export function extend(chain: Chain, entry: JournalEntry): Chain {
  if (chain.brokenAt > 0) return chain;
  const sequence = chain.entries + 1;
  const isForkLink = sequence === 1 && entry.prevHash.length === HASH_BYTES;
  const before = isForkLink ? entry.prevHash : chain.head;
  const follows = Number(entry.sequence) === sequence && equal(entry.prevHash, before);
  const hash = entryHash(before, sequence, entry.event);
  if (!follows || !equal(entry.hash, hash)) return { ...chain, brokenAt: sequence };
  return { entries: sequence, head: hash, brokenAt: 0 };
}

/** SHA-256 over the hash before, the sequence as big-endian unsigned 64 bits, and the event. */
export function entryHash(previous: Uint8Array, sequence: number, event: Uint8Array): Uint8Array {
  const place = Buffer.alloc(8);
  place.writeBigUInt64BE(BigInt(sequence));
  return new Uint8Array(createHash("sha256").update(previous).update(place).update(event).digest());
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** `sha256:<hex>`. */
export function hashText(hash: Uint8Array): string {
  return `sha256:${Buffer.from(hash).toString("hex")}`;
}
