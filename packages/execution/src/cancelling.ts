import { ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import type { Ending } from "./ending.ts";
import type { LiveSteps } from "./live-steps.ts";
import type { ExecutionState } from "./state.ts";

/** How long calls of tools may take to stop once their execution is cancelled. */
export const CANCEL_GRACE_MS = 10_000;

/** Steps of an execution that are calls of tools which this process waits for. */
export function runningCalls(live: LiveSteps, state: ExecutionState): string[] {
  const open = [...state.steps].filter(([, step]) => step.outcome === undefined && step.runner !== "");
  return open.map(([key]) => key).filter((key) => live.get(state.id, key) !== undefined);
}

/** How a cancelled execution ends. */
export function cancelEnding({ by, comment }: { readonly by: string; readonly comment: string }): Ending {
  const error = { reason: "EXECUTION_CANCELLED", message: comment || "cancelled" };
  return { phase: Phase.CANCELLED, error, by, comment };
}
