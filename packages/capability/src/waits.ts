import { type ExecutionState, type Verdict, waitingPhase } from "@stigmer/execution";

/** The step is waited for already; nothing is asked anew. */
export function waits(state: ExecutionState, approvalId = ""): Verdict {
  return { kind: "park", approvalId, phase: waitingPhase(state.status), events: [] };
}
