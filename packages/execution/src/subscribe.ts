import { createHash } from "node:crypto";
import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { exhausted, isFault, notFound } from "@stigmer/base";
import {
  ExecutionEventSchema,
  ExecutionQueryController,
  type SubscribeRequest,
  type SubscribeResponse,
  SubscribeResponseSchema,
  VerifyExecutionResponseSchema,
} from "@stigmer/contracts/agentic";
import { type Call, type Handler, serverStream, unary } from "@stigmer/resource";
import type { JournalEntry, Store, StreamHead } from "@stigmer/store";
import { type ExecutionRef, type Executions, streamKey } from "./executions.ts";
import { isFinal } from "./fold.ts";
import type { Hub } from "./hub.ts";
import type { LiveSteps } from "./live-steps.ts";

export type SubscribeDeps = {
  readonly store: Store;
  readonly executions: Executions;
  readonly live: LiveSteps;
  readonly hub: Hub;
  readonly maxSubscribers: number;
};

const READ_PAGE = 200;

export function executionQueryHandlers(deps: SubscribeDeps): readonly Handler[] {
  const subscribers = new Map<string, number>();
  return [
    serverStream(ExecutionQueryController.method.subscribe, (request, call) =>
      subscribe(deps, subscribers, request, call),
    ),
    unary(ExecutionQueryController.method.verify, async ({ executionId }, { org }) => {
      const found = await verifyChain(deps.store, { org, id: executionId });
      return create(VerifyExecutionResponseSchema, found);
    }),
  ];
}

/** Replays, then follows. Every round reads the store, so an event is never lost, whatever this process misses. */
async function* subscribe(
  deps: SubscribeDeps,
  subscribers: Map<string, number>,
  request: SubscribeRequest,
  call: Call,
): AsyncIterable<SubscribeResponse> {
  const ref = { org: call.org, id: request.executionId };
  await deps.executions.load(ref);
  const count = subscribers.get(ref.id) ?? 0;
  if (count >= deps.maxSubscribers) throw exhausted("LIMIT_REACHED", { limit: "subscribers", execution: ref.id });
  subscribers.set(ref.id, count + 1);
  try {
    yield* follow(deps, ref, { request, signal: call.signal });
  } finally {
    const left = (subscribers.get(ref.id) ?? 1) - 1;
    if (left > 0) subscribers.set(ref.id, left);
    else subscribers.delete(ref.id);
  }
}

async function* follow(
  deps: SubscribeDeps,
  ref: ExecutionRef,
  { request, signal }: { readonly request: SubscribeRequest; readonly signal: AbortSignal },
): AsyncIterable<SubscribeResponse> {
  let sequence = Math.max(1, Number(request.fromSequence));
  const deltas = createDeltas(deps.live, ref.id, Number(request.fromOffset));
  while (!signal.aborted) {
    const changed = deps.hub.next(ref.id, signal);
    for (let page = READ_PAGE; page === READ_PAGE; ) {
      const entries = await deps.store.read(streamKey(ref), { from: sequence, limit: READ_PAGE });
      page = entries.length;
      for (const entry of entries) {
        deltas.pass(entry);
        yield response({ case: "entry", value: wireEntry(entry) });
      }
      sequence += entries.length;
    }
    const { status, sequence: known } = await deps.executions.load(ref);
    if (request.stopAtEnd || (isFinal(status.phase) && sequence > known)) return;
    if (sequence <= known) continue; // entries first: a delta never overtakes what came before it
    for (const message of deltas.unseen()) yield response(message);
    await changed;
  }
  signal.throwIfAborted(); // a stream that is cut short must not look like one that has ended
}

type Body = NonNullable<MessageInitShape<typeof SubscribeResponseSchema>["message"]>;

type Deltas = {
  /** An entry that the reader gets: with the begin or the end of a call, the byte that it asked for is one of another call. */
  readonly pass: (entry: JournalEntry) => void;
  /** What the reader has not yet seen of the text of the call that is open. A slow reader gets larger pieces, and none is lost. */
  readonly unseen: () => Body[];
};

function createDeltas(live: LiveSteps, id: string, fromOffset: number): Deltas {
  let seen = { step: "", attempt: 0, restarts: 0, offset: fromOffset };
  const pass = (entry: JournalEntry): void => {
    if (seen.step !== "" || seen.offset === 0) return;
    const { event } = fromBinary(ExecutionEventSchema, entry.event);
    if (event.case === "modelCallStarted" || event.case === "modelCallFinished") seen = { ...seen, offset: 0 };
  };
  const unseen = (): Body[] => {
    const open = live.streaming(id);
    if (!open) return [];
    const { stepKey, attempt } = open;
    const fresh = { step: stepKey, attempt, restarts: open.restarts(), offset: 0 };
    const bodies: Body[] = [];
    if (seen.step === "" && seen.offset <= open.length()) seen = { ...fresh, offset: seen.offset };
    else if (seen.step !== fresh.step) seen = fresh;
    else if (seen.attempt !== fresh.attempt || seen.restarts !== fresh.restarts) {
      bodies.push({ case: "restarted", value: { stepKey, attempt } });
      seen = fresh;
    }
    const text = open.textFrom(seen.offset);
    if (text) bodies.push({ case: "delta", value: { stepKey, attempt, offset: BigInt(seen.offset), text } });
    seen = { ...seen, offset: open.length() };
    return bodies;
  };
  return { pass, unseen };
}

function response(message: Body): SubscribeResponse {
  return create(SubscribeResponseSchema, { message });
}

function wireEntry(entry: JournalEntry) {
  const { prevHash, hash, event } = entry;
  return {
    sequence: BigInt(entry.sequence),
    prevHash: bytes(prevHash),
    hash: bytes(hash),
    event: bytes(event),
  };
}

/** The message types want a plain ArrayBuffer behind their bytes. */
function bytes(view: Uint8Array): Uint8Array<ArrayBuffer> {
  return view as Uint8Array<ArrayBuffer>;
}

/** Reads the whole chain and computes every hash anew. */
async function verifyChain(store: Store, ref: ExecutionRef) {
  const head = await store.head(streamKey(ref));
  if (head.sequence === 0) throw notFound("RESOURCE_NOT_FOUND", { kind: "Execution", name: ref.id });
  let last: StreamHead = { sequence: 0, hash: new Uint8Array() };
  while (last.sequence < head.sequence) {
    const entries = await readable(store, ref, { from: last.sequence + 1, limit: READ_PAGE });
    if (entries.length === 0) return brokenAfter(last);
    for (const entry of entries) {
      if (!follows(entry, last)) return brokenAfter(last);
      last = entry;
    }
  }
  return { valid: same(last.hash, head.hash), entries: BigInt(last.sequence), head: bytes(last.hash), brokenAt: 0n };
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

function brokenAfter(last: StreamHead) {
  const sequence = BigInt(last.sequence);
  return { valid: false, entries: sequence, head: bytes(last.hash), brokenAt: sequence + 1n };
}

function hashOf(prevHash: Uint8Array, entry: JournalEntry): Uint8Array {
  const sequence = Buffer.alloc(8);
  sequence.writeBigUInt64BE(BigInt(entry.sequence));
  return createHash("sha256").update(prevHash).update(sequence).update(entry.event).digest();
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}
