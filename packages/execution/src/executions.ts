import { clone, toBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Clock, conflict, isFault } from "@stigmer/base";
import {
  AgentExecutionStatusSchema,
  type ExecutionEvent,
  ExecutionEventSchema,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { fromRow, type Kind, type Kinds, metadataOf, toRow } from "@stigmer/resource";
import type { Append, Batch, Precondition, Store, StreamSnapshot, Task } from "@stigmer/store";
import { type ExecutionRef, type NewEvent, stamp, streamKey, taskKeyOf } from "./execution-ref.ts";
import { outcomeOf, PROGRESS_EVERY_MS } from "./fold.ts";
import { foldStatus } from "./fold-status.ts";
import { workedMs } from "./fold-work.ts";
import type { Hub } from "./hub.ts";
import { maxDurationMs } from "./limits.ts";
import type { Redaction } from "./redaction.ts";
import { encodeSnapshot, SNAPSHOT_EVERY } from "./snapshot.ts";
import { type ExecutionState, isFinal, type StepState } from "./state.ts";
import { createStates, noExecution, type States } from "./states.ts";
import { durationTimer, timerTask } from "./timer-tasks.ts";

/** What a plan wants to happen, all of it or nothing. */
export type Decision<T> = {
  readonly events: readonly NewEvent[];
  readonly batch?: Batch;
  readonly preconditions?: readonly Precondition[];
  readonly answer: T;
  /** Runs right after the commit, or where there is nothing to commit, before any other plan of the execution. */
  readonly afterCommit?: () => void;
};

/** The first events of an execution; a fork begins with what it shares. */
export type Beginning = {
  readonly events: readonly NewEvent[];
  readonly fork?: { readonly prevHash: Uint8Array; readonly inherited: ExecutionState };
};

/** What stores the first events, and what to call once it has: whoever starts an execution knows what its journal says, and its secrets. */
export type Begun = { readonly batch: Batch; readonly stored: () => void };

/** Reads executions from their journals, and writes them: journal, record and task in one commit. */
export interface Executions {
  readonly agentExecutionKind: Kind;
  /** What keeps secrets out of journals; all that is recorded passes through it. */
  readonly redaction: Redaction;
  /** What the journal says; `RESOURCE_NOT_FOUND` where there is none. Only to be read. */
  load(ref: ExecutionRef): Promise<ExecutionState>;
  /** What a journal said at a sequence; a copy. */
  at(ref: ExecutionRef, sequence: number): Promise<ExecutionState>;
  /** One step of an execution, however long ago it ended. */
  step(ref: ExecutionRef, state: ExecutionState, key: string): Promise<StepState | undefined>;
  /**
   * Plans on what the journal says and commits, one plan of an execution at a time; where another writer came first, it
   * plans again. A plan that throws changes nothing.
   */
  record<T>(ref: ExecutionRef, plan: (state: ExecutionState) => Promise<Decision<T>> | Decision<T>): Promise<T>;
  /** The first entries of a journal, for a commit that the caller makes. */
  firstEntries(ref: ExecutionRef, beginning: Beginning): Begun;
  /** The batch that appends events and brings the record up to date, for a commit that the caller makes. */
  batchFor(ref: ExecutionRef, state: ExecutionState, events: readonly NewEvent[]): Promise<Batch>;
  /** The task of an execution, if a lease with this epoch is live; otherwise throws `LEASE_FENCED`. */
  requireLease(ref: ExecutionRef, lease: { readonly epoch: number; readonly holder?: string }): Promise<Task>;
  /** The task of an execution, whatever its state. */
  task(ref: ExecutionRef): Promise<Task | undefined>;
}

const MAX_PLANS = 32;
/** Events that change nothing of a record but its sequence. */
const QUIET = new Set<ExecutionEvent["event"]["case"]>([
  ...(["leaseGranted", "historyBound", "toolsListed", "modelCallStarted"] as const),
  ...(["toolCallStarted", "toolCallFinished", "ownStepStarted", "ownStepFinished", "lateMessage"] as const),
  "contextCompacted",
]);

export type ExecutionsDeps = {
  readonly store: Store;
  readonly kinds: Kinds;
  readonly clock: Clock;
  readonly hub: Hub;
  readonly redaction: Redaction;
};

export function createExecutions(deps: ExecutionsDeps): Executions {
  const agentExecutionKind = deps.kinds.named("AgentExecution");
  if (!agentExecutionKind) throw new Error("the kind AgentExecution is not registered");
  const states = createStates(deps.store);
  const turns = new Map<string, Promise<unknown>>();
  const batchOf: BatchOf = (ref, state, events) => buildBatch(deps, agentExecutionKind, { ref, state, events });
  return {
    ...states,
    agentExecutionKind,
    redaction: deps.redaction,
    batchFor: async (ref, state, events) =>
      batchOf(ref, state, await deps.redaction.events(ref, state.created, stamp(deps.clock, events))),
    firstEntries: (ref, beginning) => firstEntries(deps, states, { ref, ...beginning }),
    record: (ref, plan) => inTurn(turns, ref.id, () => record(deps, { states, batchOf }, ref, plan)),
    requireLease: (ref, lease) => requireLease(deps.store, states, ref, lease),
    task: async (ref) => await deps.store.task(taskKeyOf(ref, await states.load(ref))),
  };
}

type BatchOf = (ref: ExecutionRef, state: ExecutionState, events: readonly ExecutionEvent[]) => Promise<Batch>;

async function record<T>(
  deps: ExecutionsDeps,
  own: { readonly states: States; readonly batchOf: BatchOf },
  ref: ExecutionRef,
  plan: (state: ExecutionState) => Promise<Decision<T>> | Decision<T>,
): Promise<T> {
  for (let count = 1; ; count++) {
    const state = await own.states.load(ref);
    const planned = state.sequence;
    const decision = await plan(state);
    if (decision.events.length === 0 && !decision.batch && !decision.preconditions?.length) {
      decision.afterCommit?.();
      return decision.answer;
    }
    const events = await deps.redaction.events(ref, state.created, stamp(deps.clock, decision.events));
    if (state.sequence !== planned) continue; // another reader brought news while the plan was made
    try {
      const journal = await own.batchOf(ref, state, events);
      await deps.store.commit(mergeBatches(journal, decision.batch ?? {}), decision.preconditions);
      own.states.extend(state, planned, events);
      decision.afterCommit?.();
      deps.hub.changed(ref.id);
      return decision.answer;
    } catch (error) {
      if (!isFault(error, "VERSION_MOVED") || count === MAX_PLANS) throw error;
    }
  }
}

async function buildBatch(
  deps: ExecutionsDeps,
  kind: Kind,
  of: { readonly ref: ExecutionRef; readonly state: ExecutionState; readonly events: readonly ExecutionEvent[] },
): Promise<Batch> {
  const { ref, state, events } = of;
  if (events.length === 0) return {};
  const journal: Batch = {
    ...durationBatch(ref, state, events),
    appends: [appendOf(ref, state.sequence, events)],
    ...(isSnapshotDue(state, events.length) && { streamSnapshots: [snapshotOf(ref, state)] }),
  };
  if (events.every((event) => isQuiet(event, state))) return journal;
  const row = await deps.store.get({ tenant: ref.org, kind: kind.options.kind, id: ref.id });
  if (!row) throw noExecution(ref);
  const execution = fromRow(kind, row);
  const status = clone(AgentExecutionStatusSchema, state.status);
  for (const [index, event] of events.entries()) foldStatus(status, event, state.sequence + index + 1);
  Object.assign(execution, { status });
  Object.assign(metadataOf(execution), { updateTime: events.at(-1)?.time });
  return { ...journal, puts: [toRow(kind, ref.org, execution)] };
}

/** One that works has a deadline where its time is bounded; one that has ended has none. */
function durationBatch(ref: ExecutionRef, state: ExecutionState, events: readonly ExecutionEvent[]): Batch {
  const limitMs = maxDurationMs(state.created?.limits);
  const changed = events.findLast(({ event }) => event.case === "phaseChanged");
  if (limitMs === undefined || changed?.event.case !== "phaseChanged" || !changed.time) return {};
  const { phase } = changed.event.value;
  if (isFinal(phase)) return { taskDeletes: [durationTimer(ref)] };
  if (phase !== Phase.RUNNING || state.status.phase === Phase.RUNNING) return {};
  const now = timestampMs(changed.time);
  return { tasks: [timerTask(durationTimer(ref), now + limitMs - workedMs(state, now))] };
}

/** Whether the record may stay as it is: nothing in it would change, or only the count of what was used since a moment ago. */
function isQuiet({ event, time }: ExecutionEvent, { recordedAt }: ExecutionState): boolean {
  if (event.case === "toolCallFinished" && (event.value.result?.attachments.length ?? 0) > 0) return false;
  if (QUIET.has(event.case)) return true;
  return event.case === "modelCallFinished" && time !== undefined && timestampMs(time) - recordedAt < PROGRESS_EVERY_MS;
}

function firstEntries(
  { clock, redaction }: ExecutionsDeps,
  states: States,
  { ref, events, fork }: Beginning & { readonly ref: ExecutionRef },
): Begun {
  const masked = stamp(clock, events).map((event) => redaction.message(ExecutionEventSchema, event));
  const append = appendOf(ref, 0, masked);
  if (fork) {
    const streamSnapshots = [{ ...streamKey(ref), sequence: 0, bytes: encodeSnapshot(fork.inherited) }];
    return { batch: { appends: [{ ...append, prevHash: fork.prevHash }], streamSnapshots }, stored: () => {} };
  }
  const stored = (): void => {
    states.begin(ref, masked);
    redaction.begun(ref);
  };
  return { batch: { appends: [append] }, stored };
}

function isSnapshotDue({ sequence }: ExecutionState, more: number): boolean {
  return Math.floor((sequence + more) / SNAPSHOT_EVERY) > Math.floor(sequence / SNAPSHOT_EVERY);
}

function snapshotOf(ref: ExecutionRef, state: ExecutionState): ReturnType<typeof streamKey> & StreamSnapshot {
  return { ...streamKey(ref), sequence: state.sequence, bytes: encodeSnapshot(state) };
}

/** Entries with the outcome of a step are marked with its key, so that it is found in a journal of any length. */
function appendOf(ref: ExecutionRef, after: number, events: readonly ExecutionEvent[]): Append {
  const marks = events.flatMap(({ event, stepKey }, at) => (outcomeOf(event) ? [{ key: stepKey, at }] : []));
  const encoded = events.map((event) => toBinary(ExecutionEventSchema, event));
  return { ...streamKey(ref), after, events: encoded, ...(marks.length > 0 && { marks }) };
}

/** All batches in one; lists are joined. */
export function mergeBatches(...batches: readonly Batch[]): Batch {
  const merged: Record<string, unknown[]> = {};
  for (const [key, items] of batches.flatMap((batch) => Object.entries(batch)))
    merged[key] = [...(merged[key] ?? []), ...items];
  return merged as Batch;
}

async function requireLease(
  store: Store,
  states: States,
  ref: ExecutionRef,
  lease: { readonly epoch: number; readonly holder?: string },
): Promise<Task> {
  const task = await store.task(taskKeyOf(ref, await states.load(ref)));
  const live =
    task &&
    task.holder !== "" &&
    task.epoch === lease.epoch &&
    (lease.holder === undefined || lease.holder === task.holder);
  if (live) return task;
  const message = `the lease of execution ${ref.id} with epoch ${lease.epoch} is over`;
  throw conflict("LEASE_FENCED", { execution: ref.id, sent: lease.epoch, current: task?.epoch ?? 0 }, { message });
}

/** Runs one at a time for each id, in the order of the calls. */
export function inTurn<T>(turns: Map<string, Promise<unknown>>, id: string, run: () => Promise<T>): Promise<T> {
  const result = (turns.get(id) ?? Promise.resolve()).then(run, run);
  const settled = result.then(
    () => {},
    () => {},
  );
  turns.set(id, settled);
  void settled.then(() => {
    if (turns.get(id) === settled) turns.delete(id);
  });
  return result;
}
