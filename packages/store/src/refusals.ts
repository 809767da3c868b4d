import { conflict, exists, type Fault, invalid, unavailable } from "@stigmer/base";
import type { StreamKey, TaskKey } from "./journal.ts";
import type { RowKey } from "./row.ts";

/** The refusals of the store interface, so that drivers refuse in the same words. */

export function rowMoved(key: RowKey, versions: { readonly current: number; readonly sent: number }): Fault {
  return conflict("VERSION_MOVED", { kind: key.kind, id: key.id, ...versions });
}

export function streamMoved(key: StreamKey, ends: { readonly current: number; readonly sent: number }): Fault {
  return conflict("VERSION_MOVED", { stream: key.stream, ...ends });
}

/** A snapshot of a stream, by its place in the batch, says more than the stream holds. */
export function snapshotAhead(at: number, ends: { readonly current: number }): Fault {
  const description = `is beyond the end of the stream, ${ends.current}`;
  return invalid([{ field: `streamSnapshots[${at}].sequence`, description }]);
}

export function answerStored(key: string): Fault {
  return conflict("VERSION_MOVED", { answer: key });
}

export function leaseFenced(key: TaskKey, epochs: { readonly current: number; readonly sent: number }): Fault {
  return conflict("LEASE_FENCED", { queue: key.queue, id: key.id, ...epochs });
}

export function nameTaken(kind: string, name: string): Fault {
  return exists("RESOURCE_EXISTS", { kind, name });
}

export function storeClosed(): Fault {
  return unavailable("STORE_CLOSED");
}
