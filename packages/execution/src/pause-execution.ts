import {
  ApprovalDecision,
  type PauseAgentExecutionRequest,
  ExecutionPhase as Phase,
  type ResumeAgentExecutionRequest,
} from "@stigmer/contracts/agentic";
import type { Batch } from "@stigmer/store";
import type { Change, ChangePlan } from "./change-plan.ts";
import type { ExecutionRef, NewEvent } from "./execution-ref.ts";
import { mergeBatches } from "./executions.ts";
import { effectOf } from "./life-cycle.ts";
import { revoke } from "./runners.ts";
import { dueTask, hasTurn } from "./session-queue.ts";
import type { StartDeps } from "./start-execution.ts";
import { type ExecutionState, isFinal, waitingPhase } from "./state.ts";

/** Takes the lease back and lets the task sleep. Steps that run go on, and are recorded. Its sub-agent is paused too. */
export const planPause: ChangePlan<PauseAgentExecutionRequest> = async (deps, { ref, state, request, by }) => {
  const effect = effectOf("pause", state.status.phase, ref.id);
  if (effect === "same" || state.cancelling) return { events: [] };
  const task = await deps.executions.task(ref);
  const { comment } = request;
  const child = await withChild(deps, { ref, state }, (of) =>
    planPause(deps, { ...of, request: { ...request, id: of.ref.id }, by }),
  );
  return {
    events: [{ event: { case: "phaseChanged", value: { phase: Phase.PAUSED, by, comment } } }],
    batch: mergeBatches({ tasks: [dueTask(ref, state, undefined)] }, child.batch),
    afterCommit: () => {
      revoke(deps.runners, task, "paused");
      child.afterCommit();
    },
  };
};

/** Lets an execution go on with what it did or waited for. */
export const planResume: ChangePlan<ResumeAgentExecutionRequest> = async (deps, { ref, state, request, by }) => {
  if (effectOf("resume", state.status.phase, ref.id) === "same") return { events: [] };
  const phase = hasNews(state) ? Phase.PENDING : waitingPhase(state.status);
  const isDue = phase === Phase.PENDING && (await hasTurn(deps, ref, state));
  const child = await withChild(deps, { ref, state }, (of) =>
    planResume(deps, { ...of, request: { ...request, id: of.ref.id }, by }),
  );
  const { comment } = request;
  const changed: NewEvent = { event: { case: "phaseChanged", value: { phase, by, comment } } };
  return {
    events: [changed],
    batch: mergeBatches({ tasks: [dueTask(ref, state, isDue ? deps.resources.clock.now() : undefined)] }, child.batch),
    afterCommit: child.afterCommit,
  };
};

/** Whether something was decided that the loop has not heard of yet. */
function hasNews({ steps, status }: ExecutionState): boolean {
  if (status.subExecutionId) return false;
  const open = [...steps.values()].filter(({ outcome }) => outcome === undefined);
  const asked = open.flatMap(({ approval, elicitations }) => [...(approval ? [approval] : []), ...elicitations]);
  return asked.some(({ decision }) => decision !== ApprovalDecision.UNSPECIFIED);
}

type At = { readonly ref: ExecutionRef; readonly state: ExecutionState };

/** The same for the sub-agent that works for an execution, by the same commit. */
async function withChild(
  deps: StartDeps,
  { ref, state }: At,
  plan: (of: At) => Promise<Change>,
): Promise<{ readonly batch: Batch; readonly afterCommit: () => void }> {
  const nothing = { batch: {}, afterCommit: () => {} };
  const id = state.status.subExecutionId;
  if (!id) return nothing;
  const child = { org: ref.org, id };
  const childState = { ...(await deps.executions.load(child)) };
  if (isFinal(childState.status.phase)) return nothing;
  const { events, batch = {}, afterCommit } = await plan({ ref: child, state: childState });
  return {
    batch: mergeBatches(await deps.executions.batchFor(child, childState, events), batch),
    afterCommit: () => {
      afterCommit?.();
      deps.hub.changed(id);
    },
  };
}
