import { type Clock, isFault } from "@stigmer/base";
import type { Store, Task } from "@stigmer/store";
import { freeSlot, type Runners } from "./runners.ts";

/** What leases are in the store: the holder, the epoch and the end of a task. */
export type LeaseTasksDeps = {
  readonly store: Store;
  readonly clock: Clock;
  readonly runners: Runners;
  /** How long a lease lasts after its last renewal. */
  readonly durationMs: number;
  /** Queues in which older tasks may wait: what has just been stored goes behind them. */
  readonly behind: Set<string>;
};

/** True where the lease is live still. */
export async function renew(deps: LeaseTasksDeps, task: Task): Promise<boolean> {
  return await change(deps, task, { ...task, dueAt: deps.clock.now() + deps.durationMs });
}

/** Takes a lease back; the execution waits for another, after `restMs`. */
export async function release(deps: LeaseTasksDeps, task: Task, restMs = 0): Promise<boolean> {
  deps.behind.add(task.queue);
  freeSlot(deps.runners.byInstance(task.holder), task);
  return await change(deps, task, { ...task, holder: "", dueAt: deps.clock.now() + restMs });
}

/** Changes a task that is as it was when it was read; false where it is not. */
export async function change(deps: Pick<LeaseTasksDeps, "store">, task: Task, next: Task): Promise<boolean> {
  try {
    await deps.store.commit({ tasks: [next] }, [{ task, epoch: task.epoch, holder: task.holder }]);
    return true;
  } catch (error) {
    if (isFault(error, "LEASE_FENCED")) return false;
    throw error;
  }
}
