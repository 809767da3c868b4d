import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Clock } from "@stigmer/base";
import { type ExecutionEvent, ExecutionEventSchema } from "@stigmer/contracts/agentic";
import type { StreamKey, TaskKey } from "@stigmer/store";
import type { ExecutionState } from "./state.ts";

/** Names one execution. */
export type ExecutionRef = { readonly org: string; readonly id: string };

/** An event before it is stamped with its time. */
export type NewEvent = Omit<MessageInitShape<typeof ExecutionEventSchema>, "time" | "$typeName">;

/** Where agents' executions wait; a queue for each choice of runners begins with this. */
export const AGENT_QUEUE = "agent";

export function streamKey(ref: ExecutionRef): StreamKey {
  return { tenant: ref.org, stream: ref.id };
}

/** The task of an execution. It waits in a queue with those that may be driven by the same runners. */
export function taskKeyOf(ref: ExecutionRef, state: Pick<ExecutionState, "created">): TaskKey {
  return { tenant: ref.org, queue: queueOf(state.created?.spec?.runnerSelector ?? {}), id: ref.id };
}

/** The queue of those that may be driven by runners with these labels. */
function queueOf(selector: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(selector).sort(([one], [other]) => (one < other ? -1 : 1));
  return pairs.length === 0
    ? AGENT_QUEUE
    : `${AGENT_QUEUE}?${pairs.map(([key, value]) => `${key}=${value}`).join("&")}`;
}

/** The labels that a queue asks of runners. */
export function selectorOf(queue: string): readonly (readonly [string, string])[] {
  const [, pairs = ""] = queue.split("?");
  return pairs === "" ? [] : pairs.split("&").map((pair) => pair.split("=") as [string, string]);
}

/** Events with the time of their commit. */
export function stamp(clock: Clock, events: readonly NewEvent[]): readonly ExecutionEvent[] {
  const time = timestampFromMs(clock.now());
  return events.map((event) => create(ExecutionEventSchema, { ...event, time }));
}
