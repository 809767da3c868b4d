import { createHash } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { conflict, isFault } from "@stigmer/base";
import {
  ApprovalCause,
  ApprovalDecision,
  type OwnStep,
  type OwnStepFinished,
  OwnStepFinishedSchema,
  ExecutionPhase as Phase,
  type StepAnswerSchema,
  type StepBegan,
  type StepEnded,
} from "@stigmer/contracts/agentic";
import type { Task } from "@stigmer/store";
import { askPeople } from "./ask-people.ts";
import type { EndingDeps } from "./ending.ts";
import type { ExecutionRef, NewEvent } from "./execution-ref.ts";
import type { Decision } from "./executions.ts";
import { type Connection, sendTo } from "./runners.ts";
import { type ExecutionState, isFinal, type StepApproval, type StepState, waitingPhase } from "./state.ts";
import { planPark } from "./steps.ts";

type Answer = NonNullable<MessageInitShape<typeof StepAnswerSchema>["answer"]>;

/** A runner is about to make a step of its own: says what is known of it, and records the intent where that is due. */
export async function takeBegan(deps: EndingDeps, from: Connection, { step, repeatable }: StepBegan): Promise<void> {
  if (!step) return;
  const how = { step, leaseOf: (of: Of) => liveLease(deps, from, of) };
  await answering(deps, from, how, async (asked) => {
    const { state, known } = asked;
    if (known?.outcome?.kind === "own") return answered({ case: "outcome", value: known.outcome.finished });
    if (repeatable || state.status.cancelDeadline) return answered({ case: "make", value: true });
    if (known && known.attempt > 0 && !known.repeat) return await judgeUncertain(deps, asked, known);
    return make(asked);
  });
}

function make({ step, known, at }: Asked): Decision<Answer> {
  const attempt = (known?.attempt ?? 0) + 1;
  const value = { requestDigest: step.requestDigest };
  const started: NewEvent = { ...at, attempt, event: { case: "ownStepStarted", value } };
  return { events: [started], answer: { case: "make", value: true } };
}

/** The step was begun, and its outcome was lost: a person says whether it is made again. */
async function judgeUncertain(deps: EndingDeps, asked: Asked, known: StepState): Promise<Decision<Answer>> {
  const { state, step, ref, task, at } = asked;
  const digest = approvalDigest(asked);
  const { approval, attempt } = known;
  const isAnswer = approval?.spec.digest === digest && approval.attempt === attempt;
  if (isAnswer && approval.decision === ApprovalDecision.APPROVED) return make(asked);
  if (isAnswer && approval.decision !== ApprovalDecision.UNSPECIFIED)
    return settle(asked, attempt, lost(asked, approval));
  const request = { ...ref, epoch: Number(at.epoch) };
  if (isAnswer) {
    const parked = planPark(deps, { request, state, task, verdict: { phase: waitingPhase(state.status), events: [] } });
    return { ...parked, answer: { case: "parked", value: { approvalId: approval.id } } };
  }
  const message = "the outcome of this step of the runner's own was lost, and it may have had its effect";
  const question = { stepKey: step.stepKey, cause: ApprovalCause.UNCERTAIN, digest, message };
  const { approvalIds, ...rest } = await askPeople(deps, { ref, epoch: request.epoch, state, questions: [question] });
  const parked = planPark(deps, { request, state, task, verdict: { phase: Phase.WAITING_FOR_APPROVAL, ...rest } });
  return { ...parked, answer: { case: "parked", value: { approvalId: approvalIds[0] ?? "" } } };
}

/** What an approval is bound to. */
function approvalDigest({ ref, state, step }: Asked): string {
  const { agentRevision = "", requestedBy = "" } = state.created ?? {};
  const request = Buffer.from(step.requestDigest).toString("hex");
  const bound = JSON.stringify([ref.id, step.stepKey, request, agentRevision, requestedBy]);
  return `sha256:${createHash("sha256").update(bound).digest("hex")}`;
}

function lost({ step }: Asked, { comment }: StepApproval): OwnStepFinished {
  const said = comment ? `: ${comment}` : "";
  const message = `the outcome of step ${step.stepKey} was lost, and it is not made again${said}`;
  const error = { reason: "STEP_UNCERTAIN", message };
  return create(OwnStepFinishedSchema, { requestDigest: step.requestDigest, error });
}

function settle({ at }: Asked, attempt: number, outcome: OwnStepFinished): Decision<Answer> {
  const finished: NewEvent = { ...at, attempt, event: { case: "ownStepFinished", value: outcome } };
  return { events: [finished], answer: { case: "outcome", value: outcome } };
}

/** A step of a runner's own has ended: the first outcome that is recorded is the one that counts. */
export async function takeEnded(deps: EndingDeps, from: Connection, ended: StepEnded): Promise<void> {
  const { step, value, error } = ended;
  if (!step) return;
  const how = { step, leaseOf: (of: Of) => lastLease(deps, from, of) };
  await answering(deps, from, how, (asked) => {
    const { known } = asked;
    if (known?.outcome?.kind === "own") return answered({ case: "outcome", value: known.outcome.finished });
    const outcome: OwnStepFinished = create(OwnStepFinishedSchema, {
      ...{ requestDigest: step.requestDigest, value },
      ...(error && { error }),
    });
    return settle(asked, Math.max(1, known?.attempt ?? 0), outcome);
  });
}

type Of = { readonly ref: ExecutionRef; readonly state: ExecutionState; readonly step: OwnStep };

async function liveLease({ executions }: EndingDeps, from: Connection, { ref, step }: Of): Promise<Task> {
  return await executions.requireLease(ref, { epoch: Number(step.lease?.epoch), holder: from.instance });
}

/** The task of an execution that nobody but this runner has driven since: what it did is known by nobody else. */
async function lastLease({ executions }: EndingDeps, from: Connection, { ref, state, step }: Of): Promise<Task> {
  const task = await executions.task(ref);
  const epoch = Number(step.lease?.epoch);
  const isBack = task?.holder === "" && state.runner === from.name;
  const isLast = task?.epoch === epoch && (task.holder === from.instance || isBack);
  const isAgain = task !== undefined && task.epoch > epoch && task.holder === from.instance;
  if (isLast || isAgain) return task;
  throw conflict("LEASE_FENCED", { execution: ref.id });
}

type Asked = {
  readonly ref: ExecutionRef;
  readonly step: OwnStep;
  readonly task: Task;
  readonly state: ExecutionState;
  readonly known: StepState | undefined;
  readonly at: { readonly stepKey: string; readonly epoch: bigint };
};

type How = { readonly step: OwnStep; readonly leaseOf: (of: Of) => Promise<Task> };

/** Answers under the runner's lease; one that is over is revoked, and a step that diverges is refused. */
async function answering(
  deps: EndingDeps,
  from: Connection,
  { step, leaseOf }: How,
  plan: (asked: Asked) => Promise<Decision<Answer>> | Decision<Answer>,
): Promise<void> {
  const { lease, stepKey, requestDigest } = step;
  if (!lease) return;
  const ref: ExecutionRef = { org: from.org, id: lease.executionId };
  const digest = Buffer.from(requestDigest).toString("hex");
  try {
    const answer = await deps.executions.record(ref, async (state): Promise<Decision<Answer>> => {
      const task = await leaseOf({ ref, state, step });
      const known = await deps.executions.step(ref, state, stepKey);
      if (isFinal(state.status.phase)) return answered(refusal("EXECUTION_PHASE", "the execution has ended"));
      const isAnother = known !== undefined && (!known.own || known.digest !== digest);
      if (isAnother && known.digest !== "") return answered(diverged(stepKey));
      const decision = await plan({ ref, step, task, state, known, at: { stepKey, epoch: lease.epoch } });
      const held = { task, epoch: task.epoch, holder: task.holder };
      const { events, preconditions = [held] } = decision;
      return events.length > 0 ? { ...decision, preconditions } : decision;
    });
    sendTo(from, { case: "stepAnswer", value: { lease, stepKey, answer } });
  } catch (error) {
    if (!isFault(error, "LEASE_FENCED") && !isFault(error, "RESOURCE_NOT_FOUND")) throw error;
    sendTo(from, { case: "revoke", value: { lease } });
  }
}

function answered(answer: Answer): Decision<Answer> {
  return { events: [], answer };
}

function diverged(stepKey: string): Answer {
  return refusal("STEP_DIVERGED", `step ${stepKey} was asked for before with another request`);
}

function refusal(reason: string, message: string): Answer {
  return { case: "refused", value: { $typeName: "ai.stigmer.agentic.execution.v1.ExecutionError", reason, message } };
}
