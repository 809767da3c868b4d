import { type Clock, isFault } from "@stigmer/base";
import type { Lease } from "@stigmer/contracts/agentic";
import type { Store, Task } from "@stigmer/store";
import { AGENT_QUEUE, type ExecutionRef, selectorOf } from "./execution-ref.ts";
import { type GrantDeps, grant, type LeasesDeps } from "./grants.ts";
import { change, release, renew } from "./lease-tasks.ts";
import { createScanner } from "./scanner.ts";

/** A runner's process, and the organization whose executions it may drive. */
export type Holder = { readonly org: string; readonly instance: string };

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

/** How long a look waits for what it hands out: one execution whose turn does not come must not keep all others waiting. */
const GRANTS_MS = 1000;

/** Ended processes that are remembered, for grants to them that were under way. */
const MOST_GONE = 1_000;

export function createLeases(options: LeasesDeps): Leases {
  const gone = new Set<string>();
  const behind = new Set<string>();
  const deps = { ...options, gone, behind, granting: new Set<string>() };
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
      for (const oldest of gone) {
        if (gone.size <= MOST_GONE) break;
        gone.delete(oldest);
      }
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
async function renewAll(deps: GrantDeps): Promise<void> {
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
    const most = limit + deps.granting.size; // what is being handed out is still due
    const due = await deps.store.due(queue, { until: deps.clock.now(), limit: most, held: false });
    if (due.length < most) deps.behind.delete(queue);
    else deps.behind.add(queue);
    const grants = due.map(async (task) => {
      const connection = deps.runners.withFreeSlot(task.tenant, selector);
      if (connection) await grant(deps, task, connection).catch((err) => notGranted(deps, task, err));
    });
    await atMost(GRANTS_MS, Promise.all(grants));
  }
}

/** Resolves with a promise, or after `ms`: then it goes on by itself. */
async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  promise.catch(() => {}); // of what is waited for its fault is told
  try {
    await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
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

async function keep(deps: GrantDeps, holder: Holder, leases: readonly Lease[]): Promise<Lease[]> {
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
