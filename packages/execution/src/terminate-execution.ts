import { ExecutionPhase as Phase, type TerminateAgentExecutionRequest } from "@stigmer/contracts/agentic";
import type { ChangePlan } from "./change-plan.ts";
import { planEnd } from "./ending.ts";
import { effectOf } from "./life-cycle.ts";

/** Ends an execution at once. */
export const planTerminate: ChangePlan<TerminateAgentExecutionRequest> = async (deps, { ref, state, request, by }) => {
  if (effectOf("terminate", state.status.phase, ref.id) === "same") return { events: [] };
  const { comment } = request;
  const error = { reason: "EXECUTION_TERMINATED", message: comment || "terminated" };
  return await planEnd(deps, ref, state, { phase: Phase.TERMINATED, error, by, comment });
};
