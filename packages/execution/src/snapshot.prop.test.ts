import { createHash } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  ApprovalDecision,
  type ApprovalScope,
  ExecutionEventSchema,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { foldEvent } from "./fold.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts";
import { type ExecutionState, emptyState } from "./state.ts";

type Event = MessageInitShape<typeof ExecutionEventSchema>;
type Random = (below: number) => number;

const ID = "aex_1";
/** More with SNAPSHOT_RUNS; SNAPSHOT_SEED repeats one that failed. */
const { SNAPSHOT_RUNS = "30", SNAPSHOT_SEED } = process.env;
const seeds = SNAPSHOT_SEED
  ? [Number(SNAPSHOT_SEED)]
  : Array.from({ length: Number(SNAPSHOT_RUNS) }, (_, at) => at + 1);

it.each(seeds)("comes to the same by a snapshot and the rest as by the whole journal (seed %s)", (seed) => {
  const random = createRandom(seed);
  const events = Array.from({ length: 400 }, (_, at) => anyEvent(random, at));
  const whole = fold(emptyState(ID), events);

  for (let count = 0; count < 8; count++) {
    const cut = random(events.length + 1);
    const restored = decodeSnapshot(encodeSnapshot(fold(emptyState(ID), events.slice(0, cut))));

    expect(restored && fold(restored, events.slice(cut))).toEqual(whole);
  }
});

it("is of a size that does not grow with the journal", () => {
  const random = createRandom(1);
  const sizeAfter = (length: number): number =>
    encodeSnapshot(
      fold(
        emptyState(ID),
        Array.from({ length }, (_, at) => endedStep(random, at)),
      ),
    ).byteLength;

  expect(sizeAfter(20_000)).toBeLessThan(2 * sizeAfter(2_000));
});

it("is left alone where it is of another version, or of nothing that is known", () => {
  const bytes = Buffer.from(encodeSnapshot(emptyState(ID)));
  const at = bytes.indexOf("version") + "version".length + 1;
  const other = Buffer.from(bytes);
  other[at] = (other[at] ?? 0) + 2; // a small integer, zigzag

  expect(decodeSnapshot(bytes)).toEqual(emptyState(ID));
  expect(decodeSnapshot(other)).toBeUndefined();
  expect(decodeSnapshot(new Uint8Array())).toBeUndefined();
  expect(decodeSnapshot(Buffer.from("no snapshot"))).toBeUndefined();
});

function fold(state: ExecutionState, events: readonly Event[]): ExecutionState {
  for (const event of events) foldEvent(state, create(ExecutionEventSchema, event), state.sequence + 1);
  return state;
}

function endedStep(random: Random, at: number): Event {
  const value = { requestDigest: hash(at), result: { callId: `c${at}`, content: "x".repeat(random(200)) } };
  return { stepKey: `step/${at}`, attempt: 1, event: { case: "toolCallFinished", value } };
}

const KINDS: readonly ((random: Random, at: number) => Event["event"] & object)[] = [
  (random) => ({ case: "created", value: { agent: `a${random(3)}`, sessionId: "ses_1", spec: { instructions: "x" } } }),
  (random) => ({ case: "phaseChanged", value: { phase: 1 + random(9), output: "o", error: { reason: "INTERNAL" } } }),
  (random) => ({ case: "leaseGranted", value: { runner: `r${random(2)}` } }),
  (random) => ({ case: "historyBound", value: { messageHashes: [hash(random(9))] } }),
  () => ({
    case: "toolsListed",
    value: { tools: [{ name: "files__act", server: "files", tool: "act", digest: "d" }] },
  }),
  (random) => ({
    case: "modelCallStarted",
    value: { requestDigest: hash(random(5)), messageHashes: [hash(random(9))] },
  }),
  (random) => ({
    case: "modelCallFinished",
    value: {
      requestDigest: hash(random(5)),
      message: { parts: [{ part: { case: "text", value: "x".repeat(random(20_000)) } }] },
      usage: { inputTokens: 1n },
      ...(random(3) === 0 && { error: { reason: "PROVIDER_REFUSED", message: "no" } }),
    },
  }),
  (random) => ({
    case: "toolCallStarted",
    value: { requestDigest: hash(random(5)), runner: "local", call: { id: "c" } },
  }),
  (random) => ({
    case: "toolCallFinished",
    value: { requestDigest: hash(random(5)), result: { callId: "c", content: "y".repeat(random(20_000)) } },
  }),
  (random) => ({
    case: "approvalRequested",
    value: {
      approvalId: `apr_${random(4)}`,
      spec: { executionId: random(4) === 0 ? "aex_2" : ID, server: "files", tool: "act", definitionDigest: "d" },
    },
  }),
  (random) => ({
    case: "approvalDecided",
    value: {
      approvalId: `apr_${random(4)}`,
      decision: random(2) === 0 ? ApprovalDecision.APPROVED : ApprovalDecision.REJECTED,
      scope: random(4) as ApprovalScope,
      arguments: "{}",
    },
  }),
  () => ({ case: "subAgentStarted", value: { requestDigest: hash(1), executionId: "aex_3", call: { id: "s" } } }),
  () => ({ case: "subAgentEnded", value: { requestDigest: hash(1), phase: Phase.FAILED, result: { content: "sub" } } }),
  () => ({ case: "inputRequested", value: { requestDigest: hash(2), question: { stepKey: "q", text: "?" } } }),
  () => ({ case: "inputProvided", value: { requestDigest: hash(2), result: { content: "!" }, by: "ada" } }),
  () => ({ case: "cancelRequested", value: { by: "ada", comment: "enough", deadline: timestampFromMs(5) } }),
  (random) => ({ case: "retried", value: { steps: [`s/${random(100)}`, `s/${random(100)}`] } }),
  () => ({ case: "lateMessage", value: { runner: "local" } }),
  (random) => ({ case: "ownStepStarted", value: { requestDigest: hash(random(5)) } }),
  (random) => ({ case: "ownStepFinished", value: { requestDigest: hash(random(5)), value: "1" } }),
];

function anyEvent(random: Random, at: number): Event {
  const make = KINDS[random(KINDS.length)];
  const event = make?.(random, at) ?? { case: undefined };
  const time = timestampFromMs(1_000 * at);
  return {
    time,
    epoch: BigInt(random(5)),
    attempt: random(3),
    stepKey: random(9) === 0 ? "" : `s/${random(100)}`,
    event,
  };
}

function hash(of: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(String(of)).digest());
}

/** Mulberry32: small, and good enough to choose with. */
function createRandom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
