import { type Clock, conflict, precondition } from "@stigmer/base";
import {
  type AgentExecution,
  AgentExecutionCommandController,
  type Approval,
  ApprovalDecision,
  type CancelAgentExecutionRequest,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import {
  type Call,
  fromRow,
  type Handler,
  metadataOf,
  type Plan,
  type Resource,
  requireById,
  toRow,
  unary,
} from "@stigmer/resource";
import type { Batch, Task } from "@stigmer/store";
import { answerApproval, requireKind } from "./approvals.ts";
import { type ExecutionRef, mergeBatches, type NewEvent } from "./executions.ts";
import { type ExecutionState, isFinal } from "./fold.ts";
import type { Hub } from "./hub.ts";
import type { LiveSteps } from "./live-steps.ts";
import { freeSlot, type Runners, sendTo } from "./runners.ts";
import { planStart, type StartDeps } from "./start-execution.ts";

export type AgentExecutionsDeps = StartDeps & {
  readonly live: LiveSteps;
  readonly runners: Runners;
  readonly hub: Hub;
  readonly clock: Clock;
};

export function agentExecutionHandlers(deps: AgentExecutionsDeps): readonly Handler[] {
  const { create: start, cancel } = AgentExecutionCommandController.method;
  return [
    unary(start, (request, call) => deps.pipeline.command(request, call, () => planStart(deps, request, call))),
    unary(cancel, (request, call) => cancelExecution(deps, request, call)),
  ];
}

/** Ends an execution as CANCELLED, for whoever calls. */
export async function cancelExecution(
  deps: AgentExecutionsDeps,
  request: CancelAgentExecutionRequest,
  call: Call,
): Promise<AgentExecution> {
  return await deps.pipeline.command(request, call, () => planCancel(deps, request, call));
}

/** Ends an execution from any phase that is not an end; the runner is told, and what runs is aborted, after the commit. */
async function planCancel(
  deps: AgentExecutionsDeps,
  request: CancelAgentExecutionRequest,
  call: Call,
): Promise<Plan<AgentExecution>> {
  const kind = deps.executions.agentExecutionKind;
  const ref = { org: call.org, id: request.id };
  const state = { ...(await deps.executions.load(ref)) }; // where the journal goes on meanwhile, the commit is refused
  const row = await requireById(deps.resources.store, kind, ref); // after the journal, so that it is never older
  const execution = fromRow(kind, row) as Resource & AgentExecution;
  const { phase } = state.status;
  if (phase === Phase.CANCELLED) return { answer: execution, resource: ref.id };
  if (isFinal(phase)) {
    const message = `execution "${row.name}" has ended already: ${Phase[phase].toLowerCase()}`;
    throw precondition("EXECUTION_PHASE", { phase: Phase[phase] }, { message });
  }
  const task = await deps.executions.task(ref);
  const withdrawn = await withdraw(deps, ref, state);
  const batch = await deps.executions.batchFor(ref, state, [...withdrawn.events, cancelled(request.comment)]);
  const [stored] = batch.puts ?? [];
  const ends: Batch = { ...withdrawn.batch, ...(task && { taskDeletes: [task] }) };
  return {
    batch: mergeBatches(batch, ends),
    preconditions: task ? [{ task, epoch: task.epoch, holder: task.holder }] : [],
    answer: stored ? unversioned(fromRow(kind, { ...stored, version: 0 }) as Resource & AgentExecution) : execution,
    resource: ref.id,
    afterCommit: () => stop(deps, ref, { task, sessionId: state.status.sessionId }),
  };
}

/** The version is the commit's, which is yet to come. */
function unversioned(execution: Resource & AgentExecution): AgentExecution {
  metadataOf(execution).resourceVersion = "";
  return execution;
}

function cancelled(comment: string): NewEvent {
  const error = { reason: "EXECUTION_CANCELLED", message: comment || "cancelled" };
  return { event: { case: "phaseChanged", value: { phase: Phase.CANCELLED, error } } };
}

/** Nobody needs to answer any more. */
async function withdraw(
  deps: AgentExecutionsDeps,
  ref: ExecutionRef,
  state: ExecutionState,
): Promise<{ events: NewEvent[]; batch: Batch }> {
  const { approvalId } = state.status;
  const kind = requireKind(deps.resources.kinds, "Approval");
  const row = approvalId
    ? await deps.resources.store.get({ tenant: ref.org, kind: kind.options.kind, id: approvalId })
    : undefined;
  if (!row) return { events: [], batch: {} };
  const approval = fromRow(kind, row) as Resource & Approval;
  const decision = ApprovalDecision.WITHDRAWN;
  answerApproval(approval, { decision, by: "system", comment: "the execution was cancelled", now: deps.clock.now() });
  const value = { approvalId, decision, decidedBy: "system", comment: "" };
  const events: NewEvent[] = [{ stepKey: approval.spec?.stepKey ?? "", event: { case: "approvalDecided", value } }];
  return { events, batch: { puts: [toRow(kind, ref.org, approval)] } };
}

type Stopped = { readonly task: Task | undefined; readonly sessionId: string };

function stop(deps: AgentExecutionsDeps, ref: ExecutionRef, { task, sessionId }: Stopped): void {
  const connection = task?.holder ? deps.runners.byInstance(task.holder) : undefined;
  if (connection && task) {
    freeSlot(connection, { id: ref.id, epoch: task.epoch });
    sendTo(connection, {
      case: "revoke",
      value: { lease: { executionId: ref.id, epoch: BigInt(task.epoch) } },
    });
  }
  if (sessionId) deps.runners.stopServers(ref.org, sessionId);
  deps.live.abort(ref.id, conflict("LEASE_FENCED", { execution: ref.id }, { message: "the execution was cancelled" }));
  deps.hub.changed(ref.id);
  deps.leases.wake();
}
