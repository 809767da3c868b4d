import type { Row, Task } from "@stigmer/store";
import type { Kind } from "./kind.ts";

export const PURGE_QUEUE = "purge";

/** What wakes the backend to remove a deleted resource for good. */
export function purgeTask(kind: Kind, { tenant, id }: Row, dueAt: number): Task {
  const key = { tenant, queue: PURGE_QUEUE, id: `${kind.options.kind}/${id}` };
  return { ...key, epoch: 0, holder: "", dueAt, bytes: new Uint8Array() };
}
