import { ExecutionQueryController, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import { createReconnect, ENDED_EARLY } from "../backend/reconnect.ts";
import type { Deps } from "../deps.ts";
import { advance, type Cursor, type Item, START } from "./cursor.ts";

export type FollowOptions = {
  readonly executionId: string;
  readonly signal: AbortSignal;
  /** End after the newest entry instead of waiting for the execution's end. */
  readonly stopAtEnd?: boolean;
};

/** Everything of an execution from its first entry on. Where the connection breaks it goes on at the same place. */
export async function* follow(
  deps: Pick<Deps, "clock" | "sleep" | "stderr" | "interrupt">,
  backend: Backend,
  options: FollowOptions,
): AsyncIterable<Item> {
  const reconnect = createReconnect(deps);
  let cursor = START;
  for (;;) {
    try {
      for await (const response of subscribe(backend, options, cursor)) {
        await reconnect.arrived();
        const step = advance(cursor, response);
        cursor = step.cursor;
        yield* step.items;
        if (step.items.some(isEnd)) return;
      }
      if (options.stopAtEnd) return;
      throw ENDED_EARLY;
    } catch (error) {
      if (options.signal.aborted) throw error;
      await reconnect.waitAfter(error);
      await backend.reopen();
    }
  }
}

function subscribe(backend: Backend, options: FollowOptions, cursor: Cursor) {
  const { executionId, signal, stopAtEnd = false } = options;
  const request = {
    executionId,
    fromSequence: BigInt(cursor.next),
    fromOffset: BigInt(cursor.open?.bytes ?? 0),
    stopAtEnd,
  };
  return backend.client().service(ExecutionQueryController).subscribe(request, { signal });
}

const FINAL: ReadonlySet<Phase> = new Set([Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.TERMINATED]);

/** Whether nothing comes after this. */
export function isEnd(item: Item): boolean {
  if (item.kind !== "entry" || item.event.event.case !== "phaseChanged") return false;
  return FINAL.has(item.event.event.value.phase);
}
