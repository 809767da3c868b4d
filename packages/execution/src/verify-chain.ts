import { createHash } from "node:crypto";
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { isFault, notFound } from "@stigmer/base";
import { ExecutionEventSchema, type ForkOrigin, type VerifyExecutionResponseSchema } from "@stigmer/contracts/agentic";
import type { JournalEntry, Store, StreamHead } from "@stigmer/store";
import { type ExecutionRef, streamKey } from "./execution-ref.ts";

type Verified = Omit<MessageInitShape<typeof VerifyExecutionResponseSchema>, "$typeName">;

const READ_PAGE = 200;
const NOTHING = new Uint8Array();

/**
 * Reads the whole chain and computes every hash anew. A fork's begins with the hash of the entry where it left its
 * parent's journal; where that journal is gone, the hash can't be compared and is taken as it is.
 */
export async function verifyChain(store: Store, ref: ExecutionRef): Promise<Verified> {
  const head = await store.head(streamKey(ref));
  if (head.sequence === 0) throw notFound("RESOURCE_NOT_FOUND", { kind: "Execution", name: ref.id });
  let last: StreamHead = { sequence: 0, hash: NOTHING };
  while (last.sequence < head.sequence) {
    const entries = await readable(store, ref, { from: last.sequence + 1, limit: READ_PAGE });
    if (entries.length === 0) return brokenAfter(last);
    for (const entry of entries) {
      const before = entry.sequence === 1 ? await beginningOf(store, ref, entry) : last.hash;
      if (!before || !follows(entry, { sequence: last.sequence, hash: before })) return brokenAfter(last);
      last = entry;
    }
  }
  return { valid: same(last.hash, head.hash), entries: BigInt(last.sequence), head: plain(last.hash), brokenAt: 0n };
}

/** The hash that a first entry has to chain to; undefined where the entry can't be read. */
async function beginningOf(store: Store, { org }: ExecutionRef, first: JournalEntry): Promise<Uint8Array | undefined> {
  const fork = forkOf(first);
  if (fork === "unreadable") return undefined;
  if (!fork) return NOTHING;
  const parent = { org, id: fork.executionId };
  const { sequence } = await store.head(streamKey(parent));
  if (sequence === 0) return first.prevHash;
  const [left] = await readable(store, parent, { from: Number(fork.sequence), limit: 1 });
  return left?.sequence === Number(fork.sequence) ? left.hash : undefined;
}

function forkOf({ event: bytes }: JournalEntry): ForkOrigin | undefined | "unreadable" {
  try {
    const { event } = fromBinary(ExecutionEventSchema, bytes);
    return event.case === "created" ? event.value.fork : undefined;
  } catch {
    return "unreadable";
  }
}

/** Entries that can be read; none where the first of them is damaged. */
async function readable(
  store: Store,
  ref: ExecutionRef,
  range: { readonly from: number; readonly limit: number },
): Promise<readonly JournalEntry[]> {
  try {
    return await store.read(streamKey(ref), range);
  } catch (error) {
    if (!isFault(error, "STORE_CORRUPT")) throw error;
    return range.limit === 1 ? [] : await readable(store, ref, { ...range, limit: 1 });
  }
}

function follows(entry: JournalEntry, last: StreamHead): boolean {
  return (
    entry.sequence === last.sequence + 1 &&
    same(entry.prevHash, last.hash) &&
    same(entry.hash, hashOf(last.hash, entry))
  );
}

function brokenAfter(last: StreamHead): Verified {
  const sequence = BigInt(last.sequence);
  return { valid: false, entries: sequence, head: plain(last.hash), brokenAt: sequence + 1n };
}

function hashOf(prevHash: Uint8Array, entry: JournalEntry): Uint8Array {
  const sequence = Buffer.alloc(8);
  sequence.writeBigUInt64BE(BigInt(entry.sequence));
  return createHash("sha256").update(prevHash).update(sequence).update(entry.event).digest();
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}

/** The message types want a plain ArrayBuffer behind their bytes. */
function plain(view: Uint8Array): Uint8Array<ArrayBuffer> {
  return view as Uint8Array<ArrayBuffer>;
}
