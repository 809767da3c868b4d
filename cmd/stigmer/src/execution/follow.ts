import { isFault } from "@stigmer/base";
import { ExecutionQueryController, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import { createReconnect, ENDED_EARLY } from "../backend/reconnect.ts";
import type { Deps } from "../deps.ts";
import { advance, type Cursor, type Item, resumeAt, START } from "./cursor.ts";

export type FollowOptions = {
  readonly executionId: string;
  readonly signal: AbortSignal;
  /** End after the newest entry instead of waiting for the execution's end. */
  readonly stopAtEnd?: boolean;
};

/**
 * Everything of an execution from its first entry to the one that ends it; a failure that was retried does not. Where the
 * connection breaks, or does not keep up, it goes on at the same place.
 */
export async function* follow(
  deps: Pick<Deps, "clock" | "sleep" | "stderr" | "interrupt">,
  backend: Backend,
  options: FollowOptions,
): AsyncIterable<Item> {
  const reconnect = createReconnect(deps);
  let cursor = START;
  let hasEnded = false;
  for (;;) {
    try {
      for await (const response of subscribe(backend, options, cursor)) {
        await reconnect.arrived();
        const step = advance(cursor, response);
        cursor = step.cursor;
        for (const item of step.items) if (item.kind === "entry") hasEnded = isEnd(item);
        yield* step.items;
      }
      if (options.stopAtEnd || hasEnded) return;
      throw ENDED_EARLY;
    } catch (error) {
      if (options.signal.aborted) throw error;
      if (isFault(error, "READER_TOO_SLOW")) continue;
      await reconnect.waitAfter(error);
      await backend.reopen();
    }
  }
}

function subscribe(backend: Backend, options: FollowOptions, cursor: Cursor) {
  const { executionId, signal, stopAtEnd = false } = options;
  const request = { executionId, ...resumeAt(cursor), stopAtEnd };
  return backend.client().service(ExecutionQueryController).subscribe(request, { signal });
}

const FINAL: ReadonlySet<Phase> = new Set([Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.TERMINATED]);

/** Whether this ends the execution; where it failed, it may go on after all. */
export function isEnd(item: Item): boolean {
  if (item.kind !== "entry" || item.event.event.case !== "phaseChanged") return false;
  return FINAL.has(item.event.event.value.phase);
}
