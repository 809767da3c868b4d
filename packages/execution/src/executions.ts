import { clone, create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Clock } from "@stigmer/base";
import { conflict, isFault, notFound } from "@stigmer/base";
import { AgentExecutionStatusSchema, type ExecutionEvent, ExecutionEventSchema } from "@stigmer/contracts/agentic";
import { fromRow, type Kind, type Kinds, metadataOf, toRow } from "@stigmer/resource";
import type { Append, Batch, Precondition, Store, StreamKey, Task, TaskKey } from "@stigmer/store";
import { type ExecutionState, emptyState, foldEvent, foldStatus } from "./fold.ts";
import type { Hub } from "./hub.ts";

/** Names one execution. */
export type ExecutionRef = { readonly org: string; readonly id: string };

/** An event before it is stamped with its time. */
export type NewEvent = Omit<MessageInitShape<typeof ExecutionEventSchema>, "time" | "$typeName">;

/** What a plan wants to happen, all of it or nothing. */
export type Decision<T> = {
  readonly events: readonly NewEvent[];
  readonly batch?: Batch;
  readonly preconditions?: readonly Precondition[];
  readonly answer: T;
  /** Runs right after the commit, or where there is nothing to commit, before any other plan of the execution. */
  readonly afterCommit?: () => void;
};

/** Reads executions from their journals, and writes them: journal, record and task in one commit. */
export interface Executions {
  readonly agentExecutionKind: Kind;
  /** What the journal says; `RESOURCE_NOT_FOUND` where there is none. Only to be read. */
  load(ref: ExecutionRef): Promise<ExecutionState>;
  /**
   * Plans on what the journal says and commits, one plan of an execution at a time; where another writer came first, it
   * plans again. A plan that throws changes nothing.
   */
  record<T>(ref: ExecutionRef, plan: (state: ExecutionState) => Promise<Decision<T>> | Decision<T>): Promise<T>;
  /** The first entries of a journal, for a commit that the caller makes. */
  firstEntries(ref: ExecutionRef, events: readonly NewEvent[]): Batch;
  /** The batch that appends events and brings the record up to date, for a commit that the caller makes. */
  batchFor(ref: ExecutionRef, state: ExecutionState, events: readonly NewEvent[]): Promise<Batch>;
  /** The task of an execution, if a lease with this epoch is live; otherwise throws `LEASE_FENCED`. */
  requireLease(ref: ExecutionRef, lease: { readonly epoch: number; readonly holder?: string }): Promise<Task>;
  taskKey(ref: ExecutionRef): TaskKey;
  /** The task of an execution, whatever its state. */
  task(ref: ExecutionRef): Promise<Task | undefined>;
}

export const AGENT_QUEUE = "agent";
const MAX_PLANS = 32;
const MAX_CACHED = 512;
const READ_PAGE = 500;
/** Events after which the stored record is not brought up to date: nothing in it would change but its sequence. */
const QUIET = new Set<ExecutionEvent["event"]["case"]>([
  "leaseGranted",
  "toolsListed",
  "modelCallStarted",
  "toolCallStarted",
  "toolCallFinished",
]);

export type ExecutionsDeps = { readonly store: Store; readonly kinds: Kinds; readonly clock: Clock; readonly hub: Hub };

export function createExecutions(deps: ExecutionsDeps): Executions {
  const agentExecutionKind = deps.kinds.named("AgentExecution");
  if (!agentExecutionKind) throw new Error("the kind AgentExecution is not registered");
  const cache = new Map<string, ExecutionState>();
  const turns = new Map<string, Promise<unknown>>();
  const load = (ref: ExecutionRef): Promise<ExecutionState> => loadState(deps, cache, ref);
  const batchFor: Executions["batchFor"] = (ref, state, events) =>
    buildBatch(deps, agentExecutionKind, { ref, state, events });
  return {
    agentExecutionKind,
    load,
    batchFor,
    firstEntries: (ref, events) => ({ appends: [appendOf(ref, 0, stampAll(deps.clock, events))] }),
    record: (ref, plan) => inTurn(turns, ref.id, () => record(deps, { load, batchFor }, ref, plan)),
    requireLease: (ref, lease) => requireLease(deps, ref, lease),
    taskKey,
    task: async (ref) => await deps.store.task(taskKey(ref)),
  };
}

function taskKey(ref: ExecutionRef): TaskKey {
  return { tenant: ref.org, queue: AGENT_QUEUE, id: ref.id };
}

export function streamKey(ref: ExecutionRef): StreamKey {
  return { tenant: ref.org, stream: ref.id };
}

/** Reads what the journal has beyond the cached state; a state is dropped where the journal is not its continuation. */
async function loadState(
  deps: ExecutionsDeps,
  cache: Map<string, ExecutionState>,
  ref: ExecutionRef,
): Promise<ExecutionState> {
  const head = await deps.store.head(streamKey(ref));
  if (head.sequence === 0)
    throw notFound(
      "RESOURCE_NOT_FOUND",
      { kind: "Execution", name: ref.id },
      { message: `execution "${ref.id}" not found` },
    );
  const state = cache.get(cacheKey(ref)) ?? emptyState(ref.id);
  while (state.sequence < head.sequence) {
    const entries = await deps.store.read(streamKey(ref), { from: state.sequence + 1, limit: READ_PAGE });
    for (const entry of entries) {
      if (entry.sequence === state.sequence + 1)
        foldEvent(state, fromBinary(ExecutionEventSchema, entry.event), entry.sequence);
    }
  }
  cache.delete(cacheKey(ref));
  cache.set(cacheKey(ref), state);
  for (const [oldest] of cache) {
    if (cache.size <= MAX_CACHED) break;
    cache.delete(oldest);
  }
  return state;
}

function cacheKey(ref: ExecutionRef): string {
  return `${ref.org}/${ref.id}`;
}

async function record<T>(
  deps: ExecutionsDeps,
  own: Pick<Executions, "load" | "batchFor">,
  ref: ExecutionRef,
  plan: (state: ExecutionState) => Promise<Decision<T>> | Decision<T>,
): Promise<T> {
  for (let count = 1; ; count++) {
    const state = await own.load(ref);
    const planned = state.sequence;
    const decision = await plan(state);
    if (decision.events.length === 0 && !decision.batch && !decision.preconditions?.length) {
      decision.afterCommit?.();
      return decision.answer;
    }
    if (state.sequence !== planned) continue; // another reader brought news while the plan was made
    try {
      const events = await own.batchFor(ref, state, decision.events);
      await deps.store.commit(mergeBatches(events, decision.batch ?? {}), decision.preconditions);
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
  of: { readonly ref: ExecutionRef; readonly state: ExecutionState; readonly events: readonly NewEvent[] },
): Promise<Batch> {
  const { ref, state, events } = of;
  if (events.length === 0) return {};
  const stamped = stampAll(deps.clock, events);
  const appends = [appendOf(ref, state.sequence, stamped)];
  const status = clone(AgentExecutionStatusSchema, state.status);
  stamped.forEach((event, index) => {
    foldStatus(status, event, state.sequence + index + 1);
  });
  if (stamped.every(({ event }) => QUIET.has(event.case))) return { appends };
  const row = await deps.store.get({ tenant: ref.org, kind: kind.options.kind, id: ref.id });
  if (!row) throw notFound("RESOURCE_NOT_FOUND", { kind: kind.options.kind, name: ref.id });
  const execution = fromRow(kind, row);
  Object.assign(execution, { status });
  Object.assign(metadataOf(execution), { updateTime: stamped.at(-1)?.time });
  return { appends, puts: [toRow(kind, ref.org, execution)] };
}

function stampAll(clock: Clock, events: readonly NewEvent[]): readonly ExecutionEvent[] {
  const time = timestampFromMs(clock.now());
  return events.map((event) => create(ExecutionEventSchema, { ...event, time }));
}

function appendOf(ref: ExecutionRef, after: number, events: readonly ExecutionEvent[]): Append {
  return { ...streamKey(ref), after, events: events.map((event) => toBinary(ExecutionEventSchema, event)) };
}

/** Both batches in one; lists are joined. */
export function mergeBatches(a: Batch, b: Batch): Batch {
  const merged: Record<string, unknown[]> = {};
  for (const [key, items] of [...Object.entries(a), ...Object.entries(b)])
    merged[key] = [...(merged[key] ?? []), ...items];
  return merged as Batch;
}

async function requireLease(
  deps: ExecutionsDeps,
  ref: ExecutionRef,
  lease: { readonly epoch: number; readonly holder?: string },
): Promise<Task> {
  const task = await deps.store.task(taskKey(ref));
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
function inTurn<T>(turns: Map<string, Promise<unknown>>, id: string, run: () => Promise<T>): Promise<T> {
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
