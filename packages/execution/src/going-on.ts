import { type Approval, ApprovalDecision, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { metadataOf, type Resource } from "@stigmer/resource";
import type { Batch } from "@stigmer/store";
import { ancestorsOf, type Change, tellAncestors } from "./ancestors.ts";
import type { EndingDeps } from "./ending.ts";
import type { ExecutionRef, NewEvent } from "./execution-ref.ts";
import { mergeBatches } from "./executions.ts";
import { dueTask } from "./session-queue.ts";
import { type ExecutionState, isFinal } from "./state.ts";
import { approvalTimer } from "./timer-tasks.ts";

/** Answers in the journal of the execution that asked and in those for which it works; it goes on, unless it is paused. */
export async function planGoingOn(
  deps: EndingDeps,
  ref: ExecutionRef,
  approvals: readonly (Resource & Approval)[],
): Promise<Change> {
  const state = { ...(await deps.executions.load(ref)) }; // where the journal goes on meanwhile, the commit is refused
  const ids = approvals.map((approval) => metadataOf(approval).id);
  const timer: Batch = { taskDeletes: ids.map((id) => approvalTimer({ org: ref.org, id })) };
  if (isFinal(state.status.phase)) return { batch: timer, preconditions: [], touched: [ref.id] };
  const decided = approvals.map(decidedEvent);
  const own = await ownBatch(deps, { ref, state }, decided);
  const ancestors = await ancestorsOf(deps.executions, ref, state);
  const bodies = decided.map(({ event }) => event);
  const above = await tellAncestors(deps, ancestors, bodies);
  return {
    batch: mergeBatches(own, above.batch, timer),
    preconditions: above.preconditions,
    touched: [ref.id, ...above.touched],
  };
}

async function ownBatch(
  deps: EndingDeps,
  { ref, state }: { readonly ref: ExecutionRef; readonly state: ExecutionState },
  decided: readonly NewEvent[],
): Promise<Batch> {
  const isWaiting = state.status.phase === Phase.WAITING_FOR_APPROVAL;
  if (!isWaiting) return await deps.executions.batchFor(ref, state, decided);
  const pending: NewEvent = { event: { case: "phaseChanged", value: { phase: Phase.PENDING } } };
  const task = dueTask(ref, state, deps.resources.clock.now());
  return mergeBatches(await deps.executions.batchFor(ref, state, [...decided, pending]), { tasks: [task] });
}

function decidedEvent(approval: Resource & Approval): NewEvent {
  const { decision = ApprovalDecision.UNSPECIFIED, decidedBy = "", comment = "" } = approval.status ?? {};
  const { scope = 0, arguments: edited = "" } = approval.status ?? {};
  const value = { approvalId: metadataOf(approval).id, decision, decidedBy, comment, scope, arguments: edited };
  return { stepKey: approval.spec?.stepKey ?? "", event: { case: "approvalDecided", value } };
}
