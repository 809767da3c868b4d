import { create } from "@bufbuild/protobuf";
import { precondition } from "@stigmer/base";
import { ExecutionPhase as Phase, type ProvideInputRequest, ToolResultSchema } from "@stigmer/contracts/agentic";
import type { ChangePlan } from "./change-plan.ts";
import type { NewEvent } from "./execution-ref.ts";
import { effectOf } from "./life-cycle.ts";
import { dueTask } from "./session-queue.ts";
import type { ExecutionState, StepState } from "./state.ts";

/** The answer is the outcome of the step that asked; the execution goes on from the same commit, unless it is paused. */
export const planInput: ChangePlan<ProvideInputRequest> = async (deps, { ref, state, request, by }) => {
  const asked = request.stepKey ? await deps.executions.step(ref, state, request.stepKey) : undefined;
  if (isAnswered(asked, request)) return { events: [] };
  effectOf("provideInput", state.status.phase, ref.id);
  const { question } = state.status;
  if (!question || (request.stepKey !== "" && request.stepKey !== question.stepKey)) throw noQuestion(ref.id, state);
  const { stepKey } = question;
  const step = state.steps.get(stepKey);
  const result = create(ToolResultSchema, { callId: step?.callId ?? "", content: request.text });
  const provided: NewEvent = {
    ...{ stepKey, attempt: step?.attempt ?? 1 },
    event: { case: "inputProvided", value: { result, by, requestDigest: Buffer.from(step?.digest ?? "", "hex") } },
  };
  if (state.status.phase === Phase.PAUSED) return { events: [provided] };
  return {
    events: [provided, { event: { case: "phaseChanged", value: { phase: Phase.PENDING } } }],
    batch: { tasks: [dueTask(ref, state, deps.resources.clock.now())] },
  };
};

function isAnswered(step: StepState | undefined, { text }: ProvideInputRequest): boolean {
  const outcome = step?.outcome;
  return outcome?.kind === "tool" && outcome.result.content === text;
}

function noQuestion(id: string, { status }: ExecutionState): Error {
  const message = `execution "${id}" asks nothing by that step`;
  return precondition(
    "EXECUTION_PHASE",
    { phase: Phase[status.phase], question: status.question?.stepKey ?? "" },
    { message },
  );
}
