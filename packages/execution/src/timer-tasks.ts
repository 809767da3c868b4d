import type { Task, TaskKey } from "@stigmer/store";
import type { ExecutionRef } from "./execution-ref.ts";

/** Where deadlines wait that no runner has to do with. */
export const TIMER_QUEUE = "timer";

/** What a timer is for. */
export type Timer =
  | { readonly for: "cancel"; readonly execution: ExecutionRef }
  | { readonly for: "duration"; readonly execution: ExecutionRef }
  | { readonly for: "approval"; readonly approval: { readonly org: string; readonly id: string } };

/** When an execution that is being cancelled ends at the latest. */
export function cancelTimer({ org, id }: ExecutionRef): TaskKey {
  return { tenant: org, queue: TIMER_QUEUE, id: `cancel/${id}` };
}

/** When an execution that is RUNNING has been it for as long as it may. */
export function durationTimer({ org, id }: ExecutionRef): TaskKey {
  return { tenant: org, queue: TIMER_QUEUE, id: `duration/${id}` };
}

/** When an approval expires. */
export function approvalTimer({ org, id }: { readonly org: string; readonly id: string }): TaskKey {
  return { tenant: org, queue: TIMER_QUEUE, id: `approval/${id}` };
}

export function timerTask(key: TaskKey, dueAt: number): Task {
  return { ...key, epoch: 0, holder: "", dueAt, bytes: new Uint8Array() };
}

/** What a task of the queue is for; undefined for one that is not known. */
export function timerOf({ tenant: org, id }: TaskKey): Timer | undefined {
  const at = id.indexOf("/");
  const named = { org, id: id.slice(at + 1) };
  if (id.startsWith("cancel/")) return { for: "cancel", execution: named };
  if (id.startsWith("duration/")) return { for: "duration", execution: named };
  return id.startsWith("approval/") ? { for: "approval", approval: named } : undefined;
}
