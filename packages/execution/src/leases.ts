import { type Clock, type Fault, isFault, type Log } from "@stigmer/base";
import { type Lease, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import type { Store, Task } from "@stigmer/store";
import { assignmentOf } from "./assignment.ts";
import { boundHistory, conversationBefore, goesOn, messagesOf } from "./conversation.ts";
import { AGENT_QUEUE, type ExecutionRef, type NewEvent, selectorOf } from "./execution-ref.ts";
import { type Decision, type Executions, mergeBatches } from "./executions.ts";
import { type Connection, freeSlot, type Runners, sendTo } from "./runners.ts";
import { createScanner } from "./scanner.ts";
import { type ExecutionState, isFinal } from "./state.ts";
import type { Received } from "./variables.ts";

/** A runner's process, and the organization whose executions it may drive. */
export type Holder = { readonly org: string; readonly instance: string };

export type LeasesDeps = {
  readonly store: Store;
  readonly executions: Executions;
  readonly runners: Runners;
  readonly clock: Clock;
  readonly log: Log;
  /** What the agent's own loop receives. Refuses where that is not to be had. */
  readonly variablesOf: (ref: ExecutionRef) => Promise<Received>;
  /** Ends an execution that nobody can drive. */
  readonly fail: (ref: ExecutionRef, fault: Fault) => Promise<void>;
  /** How long a lease lasts after its last renewal. */
  readonly durationMs: number;
};

/** Hands executions that wait to runners that have room, and takes them back from those that are gone. */
export interface Leases {
  /** Extends every live lease by a whole duration: an outage of the backend is nobody's fault. Then offers what waits. */
  start(): Promise<void>;
  stop(): void;
  /** Hands out tasks that have just been stored, where runners have room, and otherwise looks for work soon. */
  wake(stored?: readonly Task[]): void;
  /** Renews those of a runner's leases that are live, and names them. */
  keep(holder: Holder, leases: readonly Lease[]): Promise<Lease[]>;
  /** Ends the leases of a runner that says what it drives, and does not name these. */
  endOthers(holder: Holder, named: readonly Lease[]): Promise<void>;
  /** Ends every lease of a runner whose process is known to have ended. */
  exited(instance: string): Promise<void>;
  /** Gives back a lease that a runner has not begun with; another runner gets it. */
  decline(holder: Holder, lease: Lease): Promise<void>;
}

const SCAN_LIMIT = 1000;
const JUMP_MS = 1000;
/** One that was declined rests so long: the runner that declined it may be the only one there is. */
const DECLINED_MS = 1000;

/** Ended processes that are remembered, for grants to them that were under way. */
const MOST_GONE = 1_000;

export function createLeases(options: LeasesDeps): Leases {
  const gone = new Set<string>();
  const behind = new Set<string>();
  const deps = { ...options, gone, behind };
  let isRunning = false;
  const jumped = createJumpDetector(deps.clock);
  const look = async (): Promise<void> => {
    const now = deps.clock.now();
    if (jumped(now)) await renewAll(deps);
    await scan(deps, now); // by the time that was looked at: a clock that is set from here on is seen at the next look
  };
  const scanner = createScanner(look, deps.log);
  deps.runners.onConnect(() => scanner.wake());
  return {
    async start() {
      await renewAll(deps);
      for (const queue of await deps.store.queues(AGENT_QUEUE)) behind.add(queue);
      isRunning = true;
      scanner.start();
    },
    stop() {
      isRunning = false;
      scanner.stop();
    },
    wake(stored = []) {
      const left = isRunning ? stored.filter((task) => !offer(deps, task)) : [];
      if (stored.length === 0 ? deps.store.backlog() > 0 : left.length > 0) scanner.wake();
    },
    keep: (holder, leases) => keep(deps, holder, leases),
    async endOthers(holder, named) {
      const driven = new Set(named.map(({ executionId }) => executionId));
      await releaseWhere(
        deps,
        (task) => task.tenant === holder.org && task.holder === holder.instance && !driven.has(task.id),
      );
    },
    async exited(instance) {
      gone.add(instance);
      for (const oldest of gone) if (gone.size > MOST_GONE) gone.delete(oldest);
      await releaseWhere(deps, (task) => task.holder === instance);
      scanner.wake();
    },
    async decline(holder, lease) {
      const task = await taskOf(deps, { org: holder.org, id: lease.executionId });
      if (task?.holder === holder.instance && task.epoch === Number(lease.epoch))
        await release(deps, task, DECLINED_MS);
      scanner.wake();
    },
  };
}

/** Tells whether the clock was set since the last time it was asked; the machine may have slept. */
function createJumpDetector(clock: Clock): (now: number) => boolean {
  let known = clock.now() - clock.monotonic();
  return (now) => {
    const before = known;
    known = now - clock.monotonic();
    return Math.abs(known - before) > JUMP_MS;
  };
}

/** Gives every live lease a whole duration, and makes work that waits due: what the clock said before counts no more. */
async function renewAll(deps: LeasesDeps): Promise<void> {
  const now = deps.clock.now();
  for await (const task of allTasks(deps.store)) {
    if (task.holder) await renew(deps, task);
    else if (task.dueAt !== undefined && task.dueAt > now) await change(deps, task, { ...task, dueAt: now });
  }
}

/** Tasks of every queue that do not sleep. */
async function* allTasks(store: Store): AsyncIterable<Task> {
  for (const queue of await store.queues(AGENT_QUEUE))
    for await (const task of store.tasks(queue)) if (task.dueAt !== undefined) yield task;
}

/** Takes back what nobody renews, then hands out what waits, in each queue as much as its runners have room for. */
async function scan(deps: GrantDeps, now: number): Promise<void> {
  for (const queue of await deps.store.queues(AGENT_QUEUE)) {
    await expire(deps, queue, now);
    const selector = selectorOf(queue);
    const limit = Math.min(SCAN_LIMIT, deps.runners.freeSlots(selector));
    if (limit === 0) {
      deps.behind.add(queue);
      continue;
    }
    const waiting = await deps.store.due(queue, { until: deps.clock.now(), limit, held: false });
    if (waiting.length < limit) deps.behind.delete(queue);
    else deps.behind.add(queue);
    const grants = waiting.map(async (task) => {
      const connection = deps.runners.withFreeSlot(task.tenant, selector);
      if (connection) await grant(deps, task, connection).catch((err) => notGranted(deps, task, err));
    });
    await Promise.all(grants);
  }
}

async function expire(deps: GrantDeps, queue: string, until: number): Promise<void> {
  for (let full = true; full; ) {
    const over = await deps.store.due(queue, { until, limit: SCAN_LIMIT, held: true });
    for (const task of over) {
      deps.log.warn({ execution: task.id, epoch: task.epoch, holder: task.holder }, "lease expired");
      const holder = deps.runners.byInstance(task.holder);
      if (holder) holder.heardAt = Number.NEGATIVE_INFINITY;
      await release(deps, task);
    }
    full = over.length === SCAN_LIMIT;
  }
}

/** Hands out a task at once; false where it waits and no runner has room. */
function offer(deps: GrantDeps, task: Task): boolean {
  const waits = task.holder === "" && task.dueAt !== undefined && task.queue.startsWith(AGENT_QUEUE);
  if (!waits) return true;
  if (deps.behind.has(task.queue)) return false;
  const connection = deps.runners.withFreeSlot(task.tenant, selectorOf(task.queue));
  if (!connection) {
    deps.behind.add(task.queue);
    return false;
  }
  // Where the store fails, the next look tries again.
  void grant(deps, task, connection).catch((err) => {
    deps.log.error({ err, execution: task.id }, "execution was not handed out");
  });
  return true;
}

/** One execution that can't be handed out must not keep the others waiting; where nothing can be stored, all wait. */
function notGranted(deps: LeasesDeps, task: Task, err: unknown): void {
  if (isFault(err) && (err.kind === "exhausted" || err.kind === "unavailable")) throw err;
  deps.log.error({ err, execution: task.id }, "execution was not handed out");
}

type GrantDeps = LeasesDeps & {
  readonly gone: ReadonlySet<string>;
  /** Queues in which older tasks may wait: what has just been stored goes behind them. */
  readonly behind: Set<string>;
};

async function grant(deps: GrantDeps, task: Task, connection: Connection): Promise<void> {
  const ref = refOf(task);
  const epoch = task.epoch + 1;
  connection.running.set(task.id, epoch); // the slot is taken while the commit runs
  try {
    const received = await receivedBy(deps, ref);
    if (!received) return freeSlot(connection, { id: task.id, epoch });
    const granted = await deps.executions.record(ref, (state) => planGrant(deps, { ref, state, task, connection }));
    if (granted && deps.gone.has(connection.instance)) {
      await release(deps, { ...task, epoch, holder: connection.instance });
    } else if (granted) await assign(deps, ref, { connection, epoch, received });
    else freeSlot(connection, { id: task.id, epoch });
  } catch (error) {
    freeSlot(connection, { id: task.id, epoch });
    if (!isFault(error, "LEASE_FENCED")) throw error; // somebody else was quicker
  }
}

/** Undefined where it can't have its variables, and has ended for it. */
async function receivedBy(deps: LeasesDeps, ref: ExecutionRef): Promise<Received | undefined> {
  try {
    return await deps.variablesOf(ref);
  } catch (error) {
    const isMissing = isFault(error, "VARIABLE_MISSING") || isFault(error, "SEALING_KEY_MISSING");
    if (!isMissing) throw error;
    await deps.fail(ref, error);
    return undefined;
  }
}

type Granting = {
  readonly ref: ExecutionRef;
  readonly state: ExecutionState;
  readonly task: Task;
  readonly connection: Connection;
};

/** Before its first step an execution learns where the conversation stands from which it goes on. */
async function planGrant(deps: LeasesDeps, { ref, state, task, connection }: Granting): Promise<Decision<boolean>> {
  const preconditions = [{ task, epoch: task.epoch, holder: "" }];
  if (isFinal(state.status.phase) || state.cancelling) {
    return { events: [], batch: { taskDeletes: [task] }, preconditions, answer: false };
  }
  if (state.status.phase === Phase.PAUSED) return { events: [], answer: false }; // since the task was found to be due
  const epoch = task.epoch + 1;
  const before = !goesOn(state)
    ? undefined
    : await conversationBefore({ executions: deps.executions, read: deps.store }, ref, state);
  const leased = { ...task, epoch, holder: connection.instance, dueAt: deps.clock.now() + deps.durationMs };
  const bound: NewEvent[] = before ? [boundHistory(state, before)] : [];
  return {
    events: [...bound, ...grantEvents(state, epoch, connection.name)],
    batch: mergeBatches(before?.batch ?? {}, { tasks: [leased] }),
    preconditions,
    answer: true,
  };
}

function grantEvents(state: ExecutionState, epoch: number, runner: string): NewEvent[] {
  const granted: NewEvent = { epoch: BigInt(epoch), event: { case: "leaseGranted", value: { runner } } };
  if (state.status.phase === Phase.RUNNING) return [granted];
  return [granted, { epoch: BigInt(epoch), event: { case: "phaseChanged", value: { phase: Phase.RUNNING } } }];
}

async function assign(
  deps: LeasesDeps,
  ref: ExecutionRef,
  {
    connection,
    epoch,
    received,
  }: { readonly connection: Connection; readonly epoch: number; readonly received: Received },
): Promise<void> {
  const state = await deps.executions.load(ref);
  const lease = { executionId: ref.id, epoch: BigInt(epoch) };
  const history = await messagesOf(deps.store, ref.id, state.history?.hashes ?? []);
  sendTo(connection, { case: "assignment", value: assignmentOf(state, { lease, history, received }) });
}

async function keep(deps: LeasesDeps, holder: Holder, leases: readonly Lease[]): Promise<Lease[]> {
  const kept = await Promise.all(
    leases.map(async (lease) => {
      const task = await taskOf(deps, { org: holder.org, id: lease.executionId });
      const live = task?.holder === holder.instance && task.epoch === Number(lease.epoch);
      return live && (await renew(deps, task)) ? [lease] : [];
    }),
  );
  return kept.flat();
}

/** The task of an execution that a runner names; it may name anything. */
async function taskOf(deps: LeasesDeps, ref: ExecutionRef): Promise<Task | undefined> {
  try {
    return await deps.executions.task(ref);
  } catch (error) {
    if (isFault(error, "RESOURCE_NOT_FOUND") || isFault(error, "INVALID_REQUEST")) return undefined;
    throw error;
  }
}

async function releaseWhere(deps: GrantDeps, matches: (task: Task) => boolean): Promise<void> {
  for await (const task of allTasks(deps.store)) if (matches(task)) await release(deps, task);
}

/** True where the lease is live still. */
async function renew(deps: LeasesDeps, task: Task): Promise<boolean> {
  return await change(deps, task, { ...task, dueAt: deps.clock.now() + deps.durationMs });
}

async function release(deps: GrantDeps, task: Task, restMs = 0): Promise<boolean> {
  deps.behind.add(task.queue);
  freeSlot(deps.runners.byInstance(task.holder), task);
  return await change(deps, task, { ...task, holder: "", dueAt: deps.clock.now() + restMs });
}

async function change(deps: LeasesDeps, task: Task, next: Task): Promise<boolean> {
  try {
    await deps.store.commit({ tasks: [next] }, [{ task, epoch: task.epoch, holder: task.holder }]);
    return true;
  } catch (error) {
    if (isFault(error, "LEASE_FENCED")) return false;
    throw error;
  }
}

function refOf(task: Task): ExecutionRef {
  return { org: task.tenant, id: task.id };
}
