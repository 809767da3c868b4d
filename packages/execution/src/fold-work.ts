import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type ExecutionEvent, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import type { ExecutionState } from "./state.ts";

/** Adds one event to what limits are kept by: time at work, and the sub-agents whose use is theirs to tell. Before the status has it. */
export function foldWork(state: ExecutionState, { event, time }: ExecutionEvent): void {
  switch (event.case) {
    case "phaseChanged":
      state.workedMs = workedMs(state, time ? timestampMs(time) : 0);
      break;
    case "subAgentStarted":
      state.children = [...state.children, event.value.executionId];
      break;
    case "subAgentEnded":
      state.children = state.children.filter((id) => id !== event.value.executionId);
      break;
  }
}

/** How long an execution has been RUNNING until a moment, in milliseconds. */
export function workedMs({ workedMs: before, phaseSince, status }: ExecutionState, now: number): number {
  return status.phase === Phase.RUNNING ? before + Math.max(0, now - phaseSince) : before;
}
