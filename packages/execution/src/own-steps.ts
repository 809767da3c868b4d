import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import {
  type OwnStep,
  type OwnStepFinished,
  OwnStepFinishedSchema,
  type StepAnswerSchema,
  type StepBegan,
  type StepEnded,
} from "@stigmer/contracts/agentic";
import type { ExecutionRef, NewEvent } from "./execution-ref.ts";
import type { Decision, Executions } from "./executions.ts";
import { type Connection, sendTo } from "./runners.ts";
import { type ExecutionState, isFinal, type StepState } from "./state.ts";

type Answer = NonNullable<MessageInitShape<typeof StepAnswerSchema>["answer"]>;

export type OwnStepsDeps = { readonly executions: Executions };

/** A runner is about to make a step of its own: says what is known of it, and records the intent where that is due. */
export async function takeBegan(deps: OwnStepsDeps, from: Connection, { step, repeatable }: StepBegan): Promise<void> {
  if (!step) return;
  await answering(deps, from, step, ({ state, known, at }) => {
    if (known?.outcome?.kind === "own") return answered({ case: "outcome", value: known.outcome.finished });
    if (repeatable || state.status.cancelDeadline) return answered({ case: "make", value: true });
    if (known && known.attempt > 0 && !known.repeat) return answered({ case: "uncertain", value: true });
    const value = { requestDigest: step.requestDigest };
    const attempt = (known?.attempt ?? 0) + 1;
    const started: NewEvent = { ...at, attempt, event: { case: "ownStepStarted", value } };
    return { events: [started], answer: { case: "make", value: true } };
  });
}

/** A step of a runner's own has ended: the first outcome that is recorded is the one that counts. */
export async function takeEnded(deps: OwnStepsDeps, from: Connection, ended: StepEnded): Promise<void> {
  const { step, value, error } = ended;
  if (!step) return;
  await answering(deps, from, step, ({ known, at }) => {
    if (known?.outcome?.kind === "own") return answered({ case: "outcome", value: known.outcome.finished });
    const outcome: OwnStepFinished = create(OwnStepFinishedSchema, {
      ...{ requestDigest: step.requestDigest, value },
      ...(error && { error }),
    });
    const finished: NewEvent = {
      ...{ ...at, attempt: Math.max(1, known?.attempt ?? 0) },
      event: { case: "ownStepFinished", value: outcome },
    };
    return { events: [finished], answer: { case: "outcome", value: outcome } };
  });
}

type Asked = {
  readonly state: ExecutionState;
  readonly known: StepState | undefined;
  readonly at: { readonly stepKey: string; readonly epoch: bigint };
};

/** Answers under the runner's lease; one that is over is revoked, and a step that diverges is refused. */
async function answering(
  deps: OwnStepsDeps,
  from: Connection,
  step: OwnStep,
  plan: (asked: Asked) => Decision<Answer>,
): Promise<void> {
  const { lease, stepKey, requestDigest } = step;
  if (!lease) return;
  const ref: ExecutionRef = { org: from.org, id: lease.executionId };
  const digest = Buffer.from(requestDigest).toString("hex");
  try {
    const answer = await deps.executions.record(ref, async (state): Promise<Decision<Answer>> => {
      const task = await deps.executions.requireLease(ref, { epoch: Number(lease.epoch), holder: from.instance });
      const known = await deps.executions.step(ref, state, stepKey);
      if (isFinal(state.status.phase)) return answered(refusal("EXECUTION_PHASE", "the execution has ended"));
      const isAnother = known !== undefined && (!known.own || known.digest !== digest);
      if (isAnother && known.digest !== "") return answered(diverged(stepKey));
      const decision = plan({ state, known, at: { stepKey, epoch: lease.epoch } });
      const held = { task, epoch: task.epoch, holder: task.holder };
      return decision.events.length > 0 ? { ...decision, preconditions: [held] } : decision;
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
