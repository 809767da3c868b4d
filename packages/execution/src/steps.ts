import { clone } from "@bufbuild/protobuf";
import { conflict, precondition, unavailable } from "@stigmer/base";
import {
  AgentExecutionStatusSchema,
  type ExecutionEvent,
  type ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import type { Batch, Task } from "@stigmer/store";
import { cancelEnding, runningCalls } from "./cancelling.ts";
import { type EndingDeps, planEnd } from "./ending.ts";
import type { ExecutionRef, NewEvent } from "./execution-ref.ts";
import { type Decision, mergeBatches } from "./executions.ts";
import { outcomeOf } from "./fold.ts";
import type { LiveStep } from "./live-steps.ts";
import { freeSlot } from "./runners.ts";
import { dueTask } from "./session-queue.ts";
import { type ExecutionState, isFinal, type Outcome, type StepState } from "./state.ts";
import { addCall } from "./usage.ts";

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
  /** Record the outcome, and what goes with it; there is nothing to do. */
  | { readonly kind: "settle"; readonly outcome: EventBody; readonly beside?: readonly EventBody[] }
  /**
   * Wait for a person or for a sub-agent: the events say for what, and the phase is what the execution is in meanwhile. Its
   * lease and slot are given back by the same commit. Without events it waits already.
   */
  | ({ readonly kind: "park"; readonly approvalId: string; readonly phase: Phase } & Pick<
      Decision<unknown>,
      "events" | "batch" | "preconditions" | "afterCommit"
    >);

/** How a kind of step is done. */
export type StepKind = {
  readonly judge: (state: ExecutionState, step: StepState | undefined) => Promise<Verdict> | Verdict;
  /** Does it and answers with the event that says how it ended. Throws where there is no outcome to record: the step stays open. */
  readonly perform: (step: LiveStep, state: ExecutionState) => Promise<EventBody>;
  /** What is recorded together with the outcome. */
  readonly beside?: (outcome: EventBody) => readonly EventBody[];
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

export type StepsDeps = EndingDeps & {
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
    const step = await executions.step(request, state, request.stepKey);
    const known = knownClaim(deps, request, step);
    if (known) return { events: [], answer: known };
    if (deps.draining.aborted) throw unavailable("SHUTTING_DOWN", {}, { message: "the backend is stopping" });
    const verdict = await how.judge(state, step);
    const preconditions = [{ task, epoch: task.epoch, holder: task.holder }];
    const attempt = (step?.attempt ?? 0) + (verdict.kind === "resume" ? 0 : 1);
    if (verdict.kind === "perform" || verdict.kind === "resume") {
      return { preconditions, ...perform(deps, request, { how, state, attempt, verdict }) };
    }
    if (verdict.kind === "settle") {
      const outcome = executions.redaction.event(verdict.outcome);
      return { preconditions, ...settle(request, attempt, { ...verdict, outcome }) };
    }
    const parked = planPark(deps, { request, state, verdict, task });
    return { ...parked, answer: { kind: "parked", approvalId: verdict.approvalId } };
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
        const body = deps.executions.redaction.event(await how.perform(live, state));
        live.settle();
        await finish(deps, request, { live, body, beside: how.beside?.(body) ?? [] });
        how.recorded?.(live);
        return body;
      });
    },
  };
}

function newEvent(request: StepRequest, attempt: number, event: EventBody): NewEvent {
  return { stepKey: request.stepKey, epoch: BigInt(request.epoch), attempt, event };
}

function knownClaim(deps: StepsDeps, request: StepRequest, step: StepState | undefined): Claim | undefined {
  const live = deps.live.get(request.id, request.stepKey);
  const digest = live?.digest ?? step?.digest;
  if (digest && (digest !== request.digest || step?.own)) {
    const message = `step ${request.stepKey} was asked for before with another request`;
    throw precondition("STEP_DIVERGED", { step: request.stepKey }, { message });
  }
  if (live) return { kind: "live", step: live };
  if (step?.outcome) return { kind: "done", outcome: step.outcome };
  return undefined;
}

type Settle = Extract<Verdict, { kind: "settle" }>;

function settle(request: StepRequest, attempt: number, { outcome: body, beside = [] }: Settle): Decision<Claim> {
  const outcome = outcomeOf(body);
  if (!outcome) throw new Error(`${body.case} is not the outcome of a step`);
  const events = [body, ...beside].map((event) => newEvent(request, attempt, event));
  return { events, answer: { kind: "done", outcome } };
}

export type Parking = {
  readonly request: ExecutionRef & { readonly epoch: number };
  readonly state: ExecutionState;
  readonly verdict: Omit<Extract<Verdict, { kind: "park" }>, "kind" | "approvalId">;
  readonly task: Task;
};

/** Lets an execution wait, and takes the lease back. */
export function planPark(
  deps: Pick<EndingDeps, "runners">,
  { request, state, verdict, task }: Parking,
): Omit<Decision<unknown>, "answer"> {
  const { phase, events, batch = {}, preconditions = [] } = verdict;
  const changed: NewEvent[] =
    state.status.phase === phase
      ? []
      : [{ epoch: BigInt(request.epoch), event: { case: "phaseChanged", value: { phase } } }];
  return {
    events: [...events, ...changed],
    batch: mergeBatches(batch, { tasks: [{ ...dueTask(request, state, undefined), epoch: task.epoch }] }),
    preconditions: [{ task, epoch: task.epoch, holder: task.holder }, ...preconditions],
    afterCommit: () => {
      freeSlot(deps.runners.byInstance(task.holder), task);
      verdict.afterCommit?.();
    },
  };
}

/**
 * Records an outcome, unless the execution has ended or another try has begun: then it is too late, and nobody is told of
 * what no journal has. The last one that a cancelled execution waited for ends it.
 */
async function finish(deps: StepsDeps, request: StepRequest, { live, body, beside }: Finishing): Promise<void> {
  await deps.executions.record(request, async (state) => {
    const step = state.steps.get(request.stepKey);
    const late = isFinal(state.status.phase) || step?.outcome !== undefined || step?.attempt !== live.attempt;
    if (late) throw conflict("LEASE_FENCED", { execution: request.id, step: request.stepKey });
    const finished = [body, ...beside].map((event) => newEvent(request, live.attempt, event));
    const isLast = runningCalls(deps.live, state).every((key) => key === request.stepKey);
    if (!state.cancelling || !isLast) return { events: finished, answer: undefined };
    const end = await planEnd(deps, request, withCall(state, body), cancelEnding(state.cancelling));
    return { ...end, events: [...finished, ...end.events], answer: undefined };
  });
}

type Finishing = { readonly live: LiveStep; readonly body: EventBody; readonly beside: readonly EventBody[] };

/** The state with what the call used, which whoever it works for is told. */
function withCall(state: ExecutionState, body: EventBody): ExecutionState {
  if (body.case !== "modelCallFinished") return state;
  const status = clone(AgentExecutionStatusSchema, state.status);
  addCall(status, body.value);
  return { ...state, status };
}
