import { isFault, type Log } from "@stigmer/base";
import {
  type Approval,
  ApprovalCause,
  ApprovalDecision,
  type ElicitationAsked,
  ExecutionPhase as Phase,
  type RunningCall,
} from "@stigmer/contracts/agentic";
import { canonicalJson, fromRow, type Resource, textDigest } from "@stigmer/resource";
import type { Row } from "@stigmer/store";
import { answerApproval } from "./answer-approval.ts";
import { decisionPlan } from "./approvals.ts";
import { type ApprovalQuestion, askPeople } from "./ask-people.ts";
import { CallParked } from "./call-parked.ts";
import { NOBODY, replyOf } from "./elicitation-answer.ts";
import { questionProblem } from "./elicitation-rules.ts";
import type { EndingDeps } from "./ending.ts";
import type { ExecutionRef } from "./execution-ref.ts";
import type { Decision } from "./executions.ts";
import { requireKind } from "./require-kind.ts";
import { type CallKey, type Connection, callKey, type Runners, revoke, sendTo } from "./runners.ts";
import { type ExecutionState, isFinal, type StepElicitation, type StepState } from "./state.ts";
import { planPark } from "./steps.ts";

export type ElicitationDeps = EndingDeps & { readonly log: Log };

/** Questions of one call that people are asked. */
const MOST_PER_CALL = 16;

/**
 * A tool server asks the user in the middle of a call: a person is asked, and the execution is parked while the runner keeps
 * the call open. Asked again, what was decided is told again; a question that nobody can be asked is cancelled.
 */
export async function takeElicitation(deps: ElicitationDeps, from: Connection, asked: ElicitationAsked): Promise<void> {
  const { call, elicitationId } = asked;
  if (!call) return;
  const known = await recordQuestion(deps, from, { asked, call });
  if (known && known.decision === ApprovalDecision.UNSPECIFIED) {
    watchCall(deps, { org: from.org, id: call.executionId }, call);
    return;
  }
  const reply = known ? replyOf(known) : NOBODY;
  sendTo(from, { case: "elicitationAnswer", value: { call, elicitationId, ...reply } });
}

type Asking = { readonly asked: ElicitationAsked; readonly call: RunningCall };

/** The question as the journal has it now; undefined where it is not put to anybody. */
async function recordQuestion(
  deps: ElicitationDeps,
  from: Connection,
  { asked, call }: Asking,
): Promise<StepElicitation | undefined> {
  const ref = { org: from.org, id: call.executionId };
  const problem = questionProblem(asked);
  if (problem) deps.log.warn({ execution: ref.id, problem }, "a tool server's question was not put to anybody");
  if (problem || !deps.runners.calls.isOwedBy(callKey(call), from.instance)) return undefined;
  try {
    return await deps.executions.record(ref, (state) => planQuestion(deps, { ref, state, asked, call }));
  } catch (error) {
    if (isFault(error, "RESOURCE_NOT_FOUND")) return undefined; // a call that belongs to no execution
    throw error;
  }
}

type Planning = Asking & { readonly ref: ExecutionRef; readonly state: ExecutionState };

async function planQuestion(deps: ElicitationDeps, planning: Planning): Promise<Decision<StepElicitation | undefined>> {
  const { ref, state, asked, call } = planning;
  const step = state.steps.get(call.stepKey);
  const isOver = !step || step.outcome !== undefined || step.attempt !== call.attempt;
  if (isOver || isFinal(state.status.phase) || state.cancelling) return { events: [], answer: undefined };
  const known = step.elicitations.find(({ elicitationId }) => elicitationId === asked.elicitationId);
  const task = await deps.executions.task(ref);
  if (known || !task || step.elicitations.length >= MOST_PER_CALL) return { events: [], answer: known };
  const question = questionOf(planning, step);
  const { approvalIds, ...rest } = await askPeople(deps, { ref, epoch: task.epoch, state, questions: [question] });
  const id = approvalIds[0] ?? "";
  const phase = state.status.phase === Phase.PAUSED ? Phase.PAUSED : Phase.WAITING_FOR_APPROVAL;
  const parked = planPark(deps, { request: { ...ref, epoch: task.epoch }, state, task, verdict: { phase, ...rest } });
  return {
    ...parked,
    answer: { id, elicitationId: asked.elicitationId, decision: ApprovalDecision.UNSPECIFIED, content: "" },
    afterCommit: () => {
      if (!deps.live.get(ref.id, call.stepKey)) revoke(deps.runners, task, "paused"); // nobody would tell its runner
      parked.afterCommit?.();
      deps.live.abortStep(ref.id, call.stepKey, new CallParked(id));
    },
  };
}

function questionOf({ ref, state, asked, call }: Planning, step: StepState): ApprovalQuestion {
  const { elicitationId, message, url, schema } = asked;
  const { tool = "", server = "", digest: definition = "" } = state.tools?.find(({ name }) => name === step.tool) ?? {};
  const { requestedBy = "", agentRevision = "" } = state.created ?? {};
  const bound = { execution: ref.id, step: call.stepKey, elicitationId, message, url, schema };
  return {
    ...{ stepKey: call.stepKey, cause: ApprovalCause.ELICITATION, tool, server, message, url, elicitationId },
    inputSchema: schema,
    digest: textDigest(canonicalJson({ ...bound, tool, definition, agentRevision, requestedBy })),
  };
}

/** Whether a runner keeps a call open whose server asks a person. */
export function hasParkedCall(runners: Runners, { id, steps }: ExecutionState): boolean {
  return [...steps].some(([stepKey, { elicitations, attempt }]) => {
    return elicitations.length > 0 && runners.calls.get(callKey({ executionId: id, stepKey, attempt })) !== undefined;
  });
}

/** A call that ends while a person is asked, or whose runner is lost, needs no answer any more. */
function watchCall(deps: ElicitationDeps, ref: ExecutionRef, call: CallKey): void {
  const close = (): void => {
    closeElicitations(deps, ref, call).catch((err) =>
      deps.log.warn({ err, execution: ref.id }, "a tool server's question was not withdrawn"),
    );
  };
  (deps.runners.calls.get(callKey(call)) ?? Promise.resolve()).then(close, close);
}

/** Withdraws what the server of a call asks, and lets the execution go on: the call has ended, or was lost. */
export async function closeElicitations(deps: EndingDeps, ref: ExecutionRef, call: CallKey): Promise<void> {
  const state = await deps.executions.load(ref);
  if (isFinal(state.status.phase)) return;
  for (const id of state.status.approvalIds) await withdraw(deps, ref, { id, call });
}

const MAX_TRIES = 16;

type Withdrawing = { readonly id: string; readonly call: CallKey };

async function withdraw(deps: EndingDeps, { org }: ExecutionRef, { id, call }: Withdrawing): Promise<void> {
  const { store, clock } = deps.resources;
  const kind = requireKind(deps.resources.kinds, "Approval");
  for (let count = 1; ; count++) {
    const row = await store.get({ tenant: org, kind: kind.options.kind, id });
    const approval = row && (fromRow(kind, row) as Resource & Approval);
    if (!row || !approval || !isOpenQuestionOf(approval, call)) return;
    const comment = "the call ended before anybody answered";
    answerApproval(approval, { decision: ApprovalDecision.WITHDRAWN, by: "system", comment, now: clock.now() });
    const isDone = await commitDecision(deps, { row, approval, org }, count === MAX_TRIES);
    if (isDone) return;
  }
}

function isOpenQuestionOf({ spec, status }: Approval, { executionId, stepKey }: CallKey): boolean {
  const isOpen = (status?.decision ?? ApprovalDecision.UNSPECIFIED) === ApprovalDecision.UNSPECIFIED;
  return (
    isOpen && spec?.cause === ApprovalCause.ELICITATION && spec.executionId === executionId && spec.stepKey === stepKey
  );
}

type Decided = { readonly row: Row; readonly approval: Resource & Approval; readonly org: string };

/** False where another writer came first. */
async function commitDecision(deps: EndingDeps, decided: Decided, isLast: boolean): Promise<boolean> {
  const plan = await decisionPlan(deps, decided);
  try {
    const revision = await deps.resources.store.commit(plan.batch ?? {}, plan.preconditions);
    plan.afterCommit?.(revision);
    return true;
  } catch (error) {
    if (isLast || !isFault(error, "VERSION_MOVED")) throw error;
    return false;
  }
}
