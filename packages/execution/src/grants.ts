import { type Fault, isFault, type Log } from "@stigmer/base";
import { ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import type { Task } from "@stigmer/store";
import { assignmentOf } from "./assignment.ts";
import { boundHistory, conversationBefore, goesOn, messagesOf } from "./conversation.ts";
import type { ExecutionRef, NewEvent } from "./execution-ref.ts";
import { type Decision, type Executions, mergeBatches } from "./executions.ts";
import { type LeaseTasksDeps, release } from "./lease-tasks.ts";
import { type Connection, freeSlot, sendTo } from "./runners.ts";
import { type ExecutionState, isFinal } from "./state.ts";
import type { Received } from "./variables.ts";

export type LeasesDeps = Omit<LeaseTasksDeps, "behind"> & {
  readonly executions: Executions;
  readonly log: Log;
  /** What the agent's own loop receives. Refuses where that is not to be had. */
  readonly variablesOf: (ref: ExecutionRef) => Promise<Received>;
  /** Ends an execution that nobody can drive. */
  readonly fail: (ref: ExecutionRef, fault: Fault) => Promise<void>;
};

export type GrantDeps = LeasesDeps &
  Pick<LeaseTasksDeps, "behind"> & {
    readonly gone: ReadonlySet<string>;
    /** Executions that are being handed out. */
    readonly granting: Set<string>;
  };

/** Leases an execution to a runner, unless that is under way, or somebody else was quicker. */
export async function grant(deps: GrantDeps, task: Task, connection: Connection): Promise<void> {
  const key = `${task.tenant}/${task.id}`;
  if (deps.granting.has(key)) return; // a second would give back the slot that the first has taken
  deps.granting.add(key);
  try {
    await handOut(deps, task, connection);
  } finally {
    deps.granting.delete(key);
  }
}

async function handOut(deps: GrantDeps, task: Task, connection: Connection): Promise<void> {
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

function refOf(task: Task): ExecutionRef {
  return { org: task.tenant, id: task.id };
}
