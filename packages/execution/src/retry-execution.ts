import { precondition } from "@stigmer/base";
import { ExecutionPhase as Phase, type RetryAgentExecutionRequest, type Session } from "@stigmer/contracts/agentic";
import { fromRow, type Resource, toRow } from "@stigmer/resource";
import type { Batch, Precondition } from "@stigmer/store";
import type { ChangePlan } from "./change-plan.ts";
import type { ExecutionRef } from "./execution-ref.ts";
import { mergeBatches } from "./executions.ts";
import { effectOf } from "./life-cycle.ts";
import { requireKind } from "./require-kind.ts";
import { dueTask } from "./session-queue.ts";
import type { StartDeps } from "./start-execution.ts";
import type { ExecutionState } from "./state.ts";

/** Lets a failed execution go on: the outcomes by which it failed are void, all others stay. */
export const planRetry: ChangePlan<RetryAgentExecutionRequest> = async (deps, { ref, state, request, by }) => {
  if (effectOf("retry", state.status.phase, ref.id) === "same") return { events: [] };
  if (state.created?.parent) throw superseded(ref, state.created.parent.executionId);
  const session = await takeTurn(deps, ref, state);
  const { comment } = request;
  return {
    events: [
      { event: { case: "retried", value: { by, comment, steps: [...state.failed, ...lost(state)] } } },
      { event: { case: "phaseChanged", value: { phase: Phase.PENDING, by, comment } } },
    ],
    batch: mergeBatches(session.batch, { tasks: [dueTask(ref, state, deps.resources.clock.now())] }),
    preconditions: session.preconditions,
  };
};

/** Steps of a runner's own that may not be made twice, and whose outcome nobody knows: whoever retries knows what that means. */
function lost({ steps }: ExecutionState): string[] {
  return [...steps].filter(([, { own, outcome }]) => own && outcome === undefined).map(([key]) => key);
}

/** The session is its again, unless a later execution has gone on from it. */
async function takeTurn(
  { resources }: StartDeps,
  ref: ExecutionRef,
  state: ExecutionState,
): Promise<{ readonly batch: Batch; readonly preconditions: readonly Precondition[] }> {
  const kind = requireKind(resources.kinds, "Session");
  const row = await resources.store.get({ tenant: ref.org, kind: kind.options.kind, id: state.status.sessionId });
  if (!row) return { batch: {}, preconditions: [] };
  const session = fromRow(kind, row) as Resource & Session;
  const latest = session.status?.latestExecutionId ?? "";
  if (!session.status || latest !== ref.id) throw superseded(ref, latest);
  session.status.activeExecutionId = ref.id;
  return { batch: { puts: [toRow(kind, ref.org, session)] }, preconditions: [{ row, version: row.version }] };
}

function superseded(ref: ExecutionRef, execution: string): Error {
  const message = `execution "${ref.id}" has been answered for by ${execution}; fork it instead`;
  return precondition("EXECUTION_SUPERSEDED", { execution }, { message });
}
