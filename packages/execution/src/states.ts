import { fromBinary } from "@bufbuild/protobuf";
import { notFound } from "@stigmer/base";
import { type ExecutionEvent, ExecutionEventSchema } from "@stigmer/contracts/agentic";
import type { Store } from "@stigmer/store";
import { type ExecutionRef, streamKey } from "./execution-ref.ts";
import { finishedStep, foldEvent } from "./fold.ts";
import { mayHave } from "./key-filter.ts";
import { decodeSnapshot } from "./snapshot.ts";
import { type ExecutionState, emptyState, type StepState } from "./state.ts";

/** What journals say, kept in memory for those that were asked for last. */
export interface States {
  /** What the journal says; `RESOURCE_NOT_FOUND` where there is none. Only to be read. */
  load(ref: ExecutionRef): Promise<ExecutionState>;
  /** Adds events that were just committed to the state on which they were planned; unless somebody has read them back. */
  extend(state: ExecutionState, planned: number, events: readonly ExecutionEvent[]): void;
  /** The journal has just begun with these events. */
  begin(ref: ExecutionRef, events: readonly ExecutionEvent[]): void;
  /** What a journal said at a sequence; its own copy. */
  at(ref: ExecutionRef, sequence: number): Promise<ExecutionState>;
  /** One step, however long ago it ended, also of the journal that a fork shares. */
  step(ref: ExecutionRef, state: ExecutionState, key: string): Promise<StepState | undefined>;
}

const MAX_CACHED = 512;
const MAX_CACHED_CHARACTERS = 32 * 1024 * 1024;
const READ_PAGE = 500;
/** Forks of forks that are followed; each is a lookup. */
const MOST_FORKS = 64;

export function createStates(store: Store): States {
  const cache = createCache();
  const states: States = {
    async load(ref) {
      const { sequence } = await store.head(streamKey(ref));
      if (sequence === 0) throw noExecution(ref);
      const key = `${ref.org}/${ref.id}`;
      const known = cache.get(key);
      const state = known && known.sequence <= sequence ? known : await stored(store, states, ref);
      await readOn(store, ref, { state, to: sequence });
      cache.set(key, state);
      return state;
    },
    begin(ref, events) {
      const state = emptyState(ref.id);
      states.extend(state, 0, events);
      cache.set(`${ref.org}/${ref.id}`, state);
    },
    extend(state, planned, events) {
      for (const [at, event] of events.entries())
        if (state.sequence === planned + at) foldEvent(state, event, planned + at + 1);
    },
    at: (ref, sequence) => stateAt(store, states, ref, sequence),
    step: (ref, state, key) => stepOf(store, ref, { state, key }),
  };
  return states;
}

/** The states that were asked for last, up to a number and to a size. */
function createCache() {
  const entries = new Map<string, { readonly state: ExecutionState; readonly size: number }>();
  let total = 0;
  const remove = (key: string): void => {
    total -= entries.get(key)?.size ?? 0;
    entries.delete(key);
  };
  return {
    get: (key: string) => entries.get(key)?.state,
    set(key: string, state: ExecutionState): void {
      remove(key);
      const size = sizeOf(state);
      entries.set(key, { state, size });
      total += size;
      for (const oldest of entries.keys()) {
        if (entries.size <= MAX_CACHED && (total <= MAX_CACHED_CHARACTERS || oldest === key)) break;
        remove(oldest);
      }
    },
  };
}

/** About how much of a state can grow, in characters; steps are bounded by the fold. */
function sizeOf({ created, tools = [], conversation, status }: ExecutionState): number {
  const { message = "", spec } = created ?? {};
  const schemas = tools.reduce((sum, tool) => sum + tool.inputSchema.length + tool.description.length, 0);
  const texts = message.length + (spec?.instructions.length ?? 0) + status.output.length;
  return 4_096 + texts + schemas + 64 * conversation.hashes.length;
}

export function noExecution({ id }: ExecutionRef): Error {
  const message = `execution "${id}" not found`;
  return notFound("RESOURCE_NOT_FOUND", { kind: "Execution", name: id }, { message });
}

/** The newest snapshot, or what there is before a journal's first entry. */
async function stored(store: Store, states: States, ref: ExecutionRef, upTo?: number): Promise<ExecutionState> {
  const snapshot = await store.streamSnapshot(streamKey(ref));
  const known = snapshot && (upTo === undefined || snapshot.sequence <= upTo);
  const state = known ? decodeSnapshot(snapshot.bytes) : undefined;
  // A fork's first snapshot is made before the fork has an id.
  return state ? { ...state, id: ref.id } : await inherited(store, states, ref);
}

async function inherited(store: Store, states: States, ref: ExecutionRef): Promise<ExecutionState> {
  const [first] = await store.read(streamKey(ref), { from: 1, limit: 1 });
  const { event } = first ? fromBinary(ExecutionEventSchema, first.event) : { event: undefined };
  const fork = event?.case === "created" ? event.value.fork : undefined;
  if (!fork) return emptyState(ref.id);
  const parent = await states.at({ org: ref.org, id: fork.executionId }, Number(fork.sequence));
  return inheritedState(ref.id, parent);
}

/**
 * What a fork has of the journal that it shares: outcomes, tools, conversation, and the agent's list of what it has to do. Steps that were open there are made
 * anew, what was waited for is not waited for, and what was used is the other's.
 */
export function inheritedState(id: string, parent: ExecutionState): ExecutionState {
  const finished = [...parent.steps].filter(([, { outcome }]) => outcome !== undefined);
  const { tools, conversation, history, hasOwnSteps, forgotten, failed } = parent;
  const shared = { tools, conversation, history, hasOwnSteps, forgotten, failed };
  const state = { ...emptyState(id), ...shared, steps: new Map(finished) };
  state.status.todos = [...parent.status.todos];
  return state;
}

async function readOn(
  store: Store,
  ref: ExecutionRef,
  { state, to }: { readonly state: ExecutionState; readonly to: number },
): Promise<void> {
  while (state.sequence < to) {
    const limit = Math.min(READ_PAGE, to - state.sequence);
    const entries = await store.read(streamKey(ref), { from: state.sequence + 1, limit });
    if (entries.length === 0) throw noExecution(ref);
    for (const { sequence, event } of entries) {
      // Somebody else may have read on meanwhile.
      if (sequence === state.sequence + 1) foldEvent(state, fromBinary(ExecutionEventSchema, event), sequence);
    }
  }
}

async function stateAt(store: Store, states: States, ref: ExecutionRef, sequence: number): Promise<ExecutionState> {
  const state = await stored(store, states, ref, sequence);
  await readOn(store, ref, { state, to: sequence });
  return state;
}

type StepQuery = { readonly state: ExecutionState; readonly key: string };

async function stepOf(store: Store, ref: ExecutionRef, { state, key }: StepQuery): Promise<StepState | undefined> {
  const known = state.steps.get(key);
  if (known || !(state.forgotten && mayHave(state.forgotten, key))) return known;
  let at = { ref, upTo: state.sequence, fork: state.created?.fork };
  for (let count = 0; count < MOST_FORKS; count++) {
    const sequence = at.upTo > 0 ? await store.marked(streamKey(at.ref), key, at.upTo) : undefined;
    if (sequence !== undefined) return finishedStep(await eventAt(store, at.ref, sequence));
    if (!at.fork) return undefined;
    const parent = { org: ref.org, id: at.fork.executionId };
    const { event } = await eventAt(store, parent, 1);
    at = {
      ref: parent,
      upTo: Number(at.fork.sequence),
      fork: event.case === "created" ? event.value.fork : undefined,
    };
  }
  return undefined;
}

async function eventAt(store: Store, ref: ExecutionRef, sequence: number): Promise<ExecutionEvent> {
  const [entry] = await store.read(streamKey(ref), { from: sequence, limit: 1 });
  if (!entry) throw noExecution(ref);
  return fromBinary(ExecutionEventSchema, entry.event);
}
