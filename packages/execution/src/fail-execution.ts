import type { Fault } from "@stigmer/base";
import { ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { type EndingDeps, planEnd } from "./ending.ts";
import type { ExecutionRef } from "./execution-ref.ts";
import { isFinal } from "./state.ts";

/** Ends an execution that can't go on whoever drives it; `retry` takes it up again. */
export async function failExecution(deps: EndingDeps, ref: ExecutionRef, { reason, message }: Fault): Promise<void> {
  await deps.executions.record(ref, async (state) => {
    if (isFinal(state.status.phase)) return { events: [], answer: undefined };
    const end = await planEnd(deps, ref, state, { phase: Phase.FAILED, error: { reason, message } });
    return { ...end, answer: undefined };
  });
}
