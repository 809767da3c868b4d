import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { conflict } from "@stigmer/base";
import type { CancelAgentExecutionRequest } from "@stigmer/contracts/agentic";
import { CANCEL_GRACE_MS, cancelEnding, runningCalls } from "./cancelling.ts";
import type { Change, ChangePlan } from "./change-plan.ts";
import { type EndingDeps, planEnd } from "./ending.ts";
import { type ExecutionRef, taskKeyOf } from "./execution-ref.ts";
import { effectOf } from "./life-cycle.ts";
import { revoke, sendTo } from "./runners.ts";
import type { ExecutionState } from "./state.ts";
import { cancelTimer, timerTask } from "./timer-tasks.ts";

/** Ends an execution. Calls of tools that run are told to stop, and the last of them to end, ends it; or else its deadline. */
export const planCancel: ChangePlan<CancelAgentExecutionRequest> = async (deps, { ref, state, request, by }) => {
  const effect = effectOf("cancel", state.status.phase, ref.id);
  if (effect === "same" || state.cancelling) return { events: [] };
  const { comment } = request;
  const calls = runningCalls(deps.live, state);
  if (calls.length === 0) return await planEnd(deps, ref, state, cancelEnding({ by, comment }));
  return await beginCancel(deps, { ref, state, calls, by, comment });
};

type Beginning = {
  readonly ref: ExecutionRef;
  readonly state: ExecutionState;
  readonly calls: readonly string[];
  readonly by: string;
  readonly comment: string;
};

async function beginCancel(deps: EndingDeps, { ref, state, calls, by, comment }: Beginning): Promise<Change> {
  const task = await deps.executions.task(ref);
  const dueAt = deps.resources.clock.now() + CANCEL_GRACE_MS;
  const deadline = timestampFromMs(dueAt);
  return {
    events: [{ event: { case: "cancelRequested", value: { by, comment, deadline } } }],
    batch: { taskDeletes: [taskKeyOf(ref, state)], tasks: [timerTask(cancelTimer(ref), dueAt)] },
    afterCommit: () => {
      revoke(deps.runners, task, "ended");
      const reason = conflict("LEASE_FENCED", { execution: ref.id }, { message: "the execution is being cancelled" });
      deps.live.abort(ref.id, reason, new Set(calls));
      for (const stepKey of calls) askToStop(deps, ref, { stepKey, step: state.steps.get(stepKey) });
    },
  };
}

function askToStop(
  deps: EndingDeps,
  ref: ExecutionRef,
  of: { readonly stepKey: string; readonly step: { readonly runner: string; readonly attempt: number } | undefined },
): void {
  const connection = of.step && deps.runners.named(ref.org, of.step.runner);
  if (!connection || !of.step) return;
  const call = { executionId: ref.id, stepKey: of.stepKey, attempt: of.step.attempt };
  sendTo(connection, { case: "cancelTool", value: { call } });
}
