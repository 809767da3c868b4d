import type { Clock } from "@stigmer/base";
import type { ToolProgress } from "@stigmer/contracts/agentic";
import { type Connection, callKey, type Runners } from "./runners.ts";

/** How far open tool calls are, told to whoever listens at that moment. Nothing is kept. */
export interface ProgressFeed {
  on(executionId: string, listener: (progress: ToolProgress) => void): () => void;
  tell(progress: ToolProgress): void;
}

/** What is told of one call has at least so much time between. */
const MIN_INTERVAL_MS = 100;
const MOST_CALLS = 10_000;

export function createProgressFeed(clock: Clock): ProgressFeed {
  const listeners = new Map<string, Set<(progress: ToolProgress) => void>>();
  const toldAt = new Map<string, number>();
  return {
    on(executionId, listener) {
      const known = listeners.get(executionId) ?? new Set();
      listeners.set(executionId, known.add(listener));
      return () => {
        if (known.delete(listener) && known.size === 0) listeners.delete(executionId);
      };
    },
    tell(progress) {
      const { call } = progress;
      const told = call && listeners.get(call.executionId);
      if (!told) return;
      const now = clock.monotonic();
      const key = callKey(call);
      if (now - (toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < MIN_INTERVAL_MS) return;
      toldAt.delete(key); // to its end: the oldest is first
      toldAt.set(key, now);
      for (const oldest of toldAt.keys()) {
        if (toldAt.size <= MOST_CALLS) break;
        toldAt.delete(oldest);
      }
      for (const listener of told) listener(progress);
    },
  };
}

/** Told where the runner makes the call; what is said of another's is nobody's. */
export function takeProgress(
  deps: { readonly runners: Runners; readonly progress: ProgressFeed },
  from: Connection,
  progress: ToolProgress,
): void {
  const { call } = progress;
  if (call && deps.runners.calls.isOwedBy(callKey(call), from.instance)) deps.progress.tell(progress);
}
