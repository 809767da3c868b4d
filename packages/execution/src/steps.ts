import { precondition, unavailable } from "@stigmer/base";
import type { ExecutionEvent } from "@stigmer/contracts/agentic";
import type { Batch, Task } from "@stigmer/store";
import type { Decision, ExecutionRef, Executions, NewEvent } from "./executions.ts";
import { type ExecutionState, isFinal, type Outcome, type StepState } from "./fold.ts";
import type { LiveStep, LiveSteps } from "./live-steps.ts";
import { freeSlot, type Runners } from "./runners.ts";

type EventBody = ExecutionEvent["event"];

/** A step that a runner asks for while it holds a lease. */
export type StepRequest = ExecutionRef & {
  readonly epoch: number;
  readonly stepKey: string;
  /** Hex of the SHA-256 of the request: the same key with another digest is refused. */
  readonly digest: string;
};

/** What is to become of a step that has no outcome and that nobody works on. */
export type Verdict =
  /** Record the intent, then do it. */
  | { readonly kind: "perform"; readonly intent: EventBody; readonly batch?: Batch }
  /** The newest try still runs elsewhere: take it up where it is. */
  | { readonly kind: "resume" }
  /** Record the outcome; there is nothing to do. */
  | { readonly kind: "settle"; readonly outcome: EventBody }
  /** Ask a person: park the execution. */
  | {
      readonly kind: "park";
      readonly approvalId: string;
      readonly decision: Pick<Decision<unknown>, "events" | "batch">;
    }
  /** A person is asked already. */
  | { readonly kind: "parked"; readonly approvalId: string };

/** How a kind of step is done. */
export type StepKind = {
  readonly judge: (state: ExecutionState, step: StepState | undefined) => Promise<Verdict> | Verdict;
  /** Does it and answers with the event that says how it ended. Throws where there is no outcome to record: the step stays open. */
  readonly perform: (step: LiveStep, state: ExecutionState) => Promise<EventBody>;
  /** Called when the outcome is recorded. */
  readonly recorded?: (step: LiveStep) => void;
};

export type Claim =
  | { readonly kind: "done"; readonly outcome: Outcome }
  | { readonly kind: "live"; readonly step: LiveStep }
  | { readonly kind: "parked"; readonly approvalId: string };

/** Steps are done once: a finished one answers from the journal, and one that runs is joined. */
export interface Steps {
  claim(request: StepRequest, how: StepKind): Promise<Claim>;
}

export type StepsDeps = {
  readonly executions: Executions;
  readonly live: LiveSteps;
  readonly runners: Runners;
  /** Aborts when the backend stops: from then on no step begins. */
  readonly draining: AbortSignal;
};

export function createSteps(deps: StepsDeps): Steps {
  return { claim: (request, how) => claim(deps, request, how) };
}

async function claim(deps: StepsDeps, request: StepRequest, how: StepKind): Promise<Claim> {
  const { executions } = deps;
  return await executions.record<Claim>(request, async (state) => {
    const task = await executions.requireLease(request, request);
    const known = knownClaim(deps, request, state);
    if (known) return { events: [], answer: known };
    if (deps.draining.aborted) throw unavailable("SHUTTING_DOWN", {}, { message: "the backend is stopping" });
    const step = state.steps.get(request.stepKey);
    const verdict = await how.judge(state, step);
    const preconditions = [{ task: executions.taskKey(request), epoch: task.epoch, holder: task.holder }];
    const attempt = (step?.attempt ?? 0) + (verdict.kind === "resume" ? 0 : 1);
    if (verdict.kind === "perform" || verdict.kind === "resume") {
      return { preconditions, ...perform(deps, request, { how, state, attempt, verdict }) };
    }
    return { preconditions, ...decide(deps, request, { verdict, attempt, task }) };
  });
}

type Perform = Extract<Verdict, { kind: "perform" | "resume" }>;

/** The intent is committed first; the work starts in the same turn, so that nobody takes the open step for an uncertain one. */
function perform(
  deps: StepsDeps,
  request: StepRequest,
  of: { readonly how: StepKind; readonly state: ExecutionState; readonly attempt: number; readonly verdict: Perform },
): Decision<Claim> {
  const { how, state, attempt, verdict } = of;
  const key = { executionId: request.id, stepKey: request.stepKey, digest: request.digest, attempt };
  const answer: { kind: "live"; step?: LiveStep } = { kind: "live" };
  return {
    events: verdict.kind === "perform" ? [newEvent(request, attempt, verdict.intent)] : [],
    ...(verdict.kind === "perform" && verdict.batch && { batch: verdict.batch }),
    answer: answer as Claim,
    afterCommit: () => {
      answer.step = deps.live.start(key, async (live) => {
        const body = await finish(deps, request, live, await how.perform(live, state));
        how.recorded?.(live);
        return body;
      });
    },
  };
}

function newEvent(request: StepRequest, attempt: number, event: EventBody): NewEvent {
  return { stepKey: request.stepKey, epoch: BigInt(request.epoch), attempt, event };
}

function knownClaim(deps: StepsDeps, request: StepRequest, state: ExecutionState): Claim | undefined {
  const live = deps.live.get(request.id, request.stepKey);
  const step = state.steps.get(request.stepKey);
  const digest = live?.digest ?? step?.digest;
  if (digest && digest !== request.digest) {
    const message = `step ${request.stepKey} was asked for before with another request`;
    throw precondition("STEP_DIVERGED", { step: request.stepKey }, { message });
  }
  if (live) return { kind: "live", step: live };
  if (step?.outcome) return { kind: "done", outcome: step.outcome };
  return undefined;
}

function decide(
  deps: StepsDeps,
  request: StepRequest,
  of: { readonly verdict: Exclude<Verdict, Perform>; readonly attempt: number; readonly task: Task },
): Decision<Claim> {
  const { verdict, attempt, task } = of;
  if (verdict.kind === "settle") {
    const answer: Claim = { kind: "done", outcome: outcomeOf(verdict.outcome) };
    return { events: [newEvent(request, attempt, verdict.outcome)], answer };
  }
  const answer: Claim = { kind: "parked", approvalId: verdict.approvalId };
  if (verdict.kind === "parked") return { events: [], answer };
  const asleep: Task = {
    ...deps.executions.taskKey(request),
    epoch: task.epoch,
    holder: "",
    dueAt: undefined,
    bytes: task.bytes,
  };
  return {
    events: verdict.decision.events,
    batch: { ...verdict.decision.batch, tasks: [asleep] },
    answer,
    afterCommit: () => freeSlot(deps.runners.byInstance(task.holder), task),
  };
}

/** Records an outcome, unless the execution has ended or another try has begun: then it is too late and is dropped. */
async function finish(deps: StepsDeps, request: StepRequest, live: LiveStep, body: EventBody): Promise<EventBody> {
  return await deps.executions.record(request, (state) => {
    const step = state.steps.get(request.stepKey);
    const late = isFinal(state.status.phase) || step?.outcome !== undefined || step?.attempt !== live.attempt;
    return { events: late ? [] : [newEvent(request, live.attempt, body)], answer: body };
  });
}

function outcomeOf(body: EventBody): Outcome {
  if (body.case === "modelCallFinished") return { kind: "model", finished: body.value };
  if (body.case === "toolCallFinished" && body.value.result) return { kind: "tool", result: body.value.result };
  throw new Error(`${body.case} is not the outcome of a step`);
}
