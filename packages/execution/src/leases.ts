import { type Clock, isFault, type Log } from "@stigmer/base";
import { type Lease, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import type { Store, Task } from "@stigmer/store";
import { AGENT_QUEUE, type ExecutionRef, type Executions, type NewEvent } from "./executions.ts";
import { type ExecutionState, isFinal } from "./fold.ts";
import { type Connection, freeSlot, type Runners, sendTo } from "./runners.ts";

/** A runner's process, and the organization whose executions it may drive. */
export type Holder = { readonly org: string; readonly instance: string };

export type LeasesDeps = {
  readonly store: Store;
  readonly executions: Executions;
  readonly runners: Runners;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a lease lasts after its last renewal. */
  readonly durationMs: number;
};

/** Hands executions that wait to runners that have room, and takes them back from those that are gone. */
export interface Leases {
  /** Extends every live lease by a whole duration: an outage of the backend is nobody's fault. Then offers what waits. */
  start(): Promise<void>;
  stop(): void;
  /** Looks for work to hand out, soon; many calls in a row are one look. */
  wake(): void;
  /** Renews those of a runner's leases that are live, and names them. */
  keep(holder: Holder, leases: readonly Lease[]): Promise<Lease[]>;
  /** Ends the leases of a runner that says what it drives, and does not name these. */
  endOthers(holder: Holder, named: readonly Lease[]): Promise<void>;
  /** Ends every lease of a runner whose process is known to have ended. */
  exited(instance: string): Promise<void>;
}

const SCAN_INTERVAL_MS = 500;
const SCAN_LIMIT = 1000;
const JUMP_MS = 1000;

export function createLeases(deps: LeasesDeps): Leases {
  const jumped = createJumpDetector(deps.clock);
  const look = async (): Promise<void> => {
    if (jumped()) await renewAll(deps);
    await scan(deps);
  };
  const scanner = createScanner(look, deps.log);
  deps.runners.onConnect(() => scanner.wake());
  return {
    async start() {
      await renewAll(deps);
      scanner.start();
    },
    stop: () => scanner.stop(),
    wake: () => scanner.wake(),
    keep: (holder, leases) => keep(deps, holder, leases),
    async endOthers(holder, named) {
      const driven = new Set(named.map(({ executionId }) => executionId));
      await releaseWhere(
        deps,
        (task) => task.tenant === holder.org && task.holder === holder.instance && !driven.has(task.id),
      );
    },
    async exited(instance) {
      await releaseWhere(deps, (task) => task.holder === instance);
      scanner.wake();
    },
  };
}

/** Tells whether the clock was set since the last time it was asked; the machine may have slept. */
function createJumpDetector(clock: Clock): () => boolean {
  const ahead = (): number => clock.now() - clock.monotonic();
  let known = ahead();
  return () => {
    const before = known;
    known = ahead();
    return Math.abs(known - before) > JUMP_MS;
  };
}

/** Gives every live lease a whole duration, and makes work that waits due: what the clock said before counts no more. */
async function renewAll(deps: LeasesDeps): Promise<void> {
  const now = deps.clock.now();
  for await (const task of deps.store.tasks(AGENT_QUEUE)) {
    if (task.holder) await renew(deps, task);
    else if (task.dueAt !== undefined && task.dueAt > now) await change(deps, task, { ...task, dueAt: now });
  }
}

/** Runs `scan` when woken and at least every half second, never twice at once. */
function createScanner(scan: () => Promise<void>, log: Log) {
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let again = false;
  let stopped = true;
  const run = async (): Promise<void> => {
    if (stopped) return;
    if (running) {
      again = true;
      return;
    }
    running = true;
    again = false;
    clearTimeout(timer);
    try {
      await scan();
    } catch (err) {
      if (!stopped) log.error({ err }, "looking for work failed");
    }
    running = false;
    if (again) setImmediate(run);
    else timer = setTimeout(run, SCAN_INTERVAL_MS);
  };
  return {
    start(): void {
      stopped = false;
      void run();
    },
    wake: (): void => void run(),
    stop(): void {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function scan(deps: LeasesDeps): Promise<void> {
  const due = await deps.store.due(AGENT_QUEUE, { until: deps.clock.now(), limit: SCAN_LIMIT });
  for (const task of due) {
    if (task.holder) {
      deps.log.warn({ execution: task.id, epoch: task.epoch, holder: task.holder }, "lease expired");
      const holder = deps.runners.byInstance(task.holder);
      if (holder) holder.quiet = true;
      await release(deps, task);
    }
    const connection = deps.runners.withFreeSlot(task.tenant);
    if (connection) await grant(deps, { ...task, holder: "" }, connection).catch((err) => notGranted(deps, task, err));
  }
}

/** One execution that can't be handed out must not keep the others waiting; where nothing can be stored, all wait. */
function notGranted(deps: LeasesDeps, task: Task, err: unknown): void {
  if (isFault(err) && (err.kind === "exhausted" || err.kind === "unavailable")) throw err;
  deps.log.error({ err, execution: task.id }, "execution was not handed out");
}

async function grant(deps: LeasesDeps, task: Task, connection: Connection): Promise<void> {
  const ref = refOf(task);
  const epoch = task.epoch + 1;
  const slot = { id: task.id, epoch };
  connection.running.set(task.id, epoch); // the slot is taken while the commit runs
  try {
    const state = await deps.executions.record(ref, (state) => {
      const leased = { ...task, epoch, holder: connection.instance, dueAt: deps.clock.now() + deps.durationMs };
      return {
        events: isFinal(state.status.phase) ? [] : grantEvents(state, epoch, connection.name),
        batch: isFinal(state.status.phase) ? { taskDeletes: [task] } : { tasks: [leased] },
        preconditions: [{ task, epoch: task.epoch, holder: "" }],
        answer: state,
      };
    });
    if (isFinal(state.status.phase)) freeSlot(connection, slot);
    else assign(connection, state, epoch);
  } catch (error) {
    freeSlot(connection, slot);
    if (!isFault(error, "LEASE_FENCED")) throw error; // somebody else was quicker
  }
}

function grantEvents(state: ExecutionState, epoch: number, runner: string): NewEvent[] {
  const granted: NewEvent = { epoch: BigInt(epoch), event: { case: "leaseGranted", value: { runner } } };
  if (state.status.phase === Phase.RUNNING) return [granted];
  return [granted, { epoch: BigInt(epoch), event: { case: "phaseChanged", value: { phase: Phase.RUNNING } } }];
}

function assign(connection: Connection, state: ExecutionState, epoch: number): void {
  const { created } = state;
  if (!created?.spec) throw new Error(`the journal of execution ${state.id} does not begin with its creation`);
  const lease = { executionId: state.id, epoch: BigInt(epoch) };
  const value = { lease, agent: created.spec, history: created.history, message: created.message };
  sendTo(connection, { case: "assignment", value: value });
}

async function keep(deps: LeasesDeps, holder: Holder, leases: readonly Lease[]): Promise<Lease[]> {
  const kept = await Promise.all(
    leases.map(async (lease) => {
      const task = await deps.store.task(deps.executions.taskKey({ org: holder.org, id: lease.executionId }));
      const live = task?.holder === holder.instance && task.epoch === Number(lease.epoch);
      return live && (await renew(deps, task)) ? [lease] : [];
    }),
  );
  return kept.flat();
}

async function releaseWhere(deps: LeasesDeps, matches: (task: Task) => boolean): Promise<void> {
  for await (const task of deps.store.tasks(AGENT_QUEUE)) if (matches(task)) await release(deps, task);
}

/** True where the lease is live still. */
async function renew(deps: LeasesDeps, task: Task): Promise<boolean> {
  return await change(deps, task, { ...task, dueAt: deps.clock.now() + deps.durationMs });
}

async function release(deps: LeasesDeps, task: Task): Promise<boolean> {
  freeSlot(deps.runners.byInstance(task.holder), task);
  return await change(deps, task, { ...task, holder: "", dueAt: deps.clock.now() });
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
