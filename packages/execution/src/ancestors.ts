import { clone } from "@bufbuild/protobuf";
import { AgentExecutionStatusSchema, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import type { Batch, Precondition } from "@stigmer/store";
import { type ExecutionRef, type NewEvent, stamp } from "./execution-ref.ts";
import { type Executions, mergeBatches } from "./executions.ts";
import { foldStatus } from "./fold-status.ts";
import type { SessionDeps } from "./session-queue.ts";
import { type ExecutionState, isFinal, waitingPhase } from "./state.ts";

/** What a commit stores beside its own, and what it asks for that. */
export type Change = {
  readonly batch: Batch;
  readonly preconditions: readonly Precondition[];
  /** Other executions whose journals the commit goes on with. */
  readonly touched: readonly string[];
};

/** An execution that a sub-agent works for, near or far, and the step by which it does. */
export type Ancestor = { readonly ref: ExecutionRef; readonly state: ExecutionState; readonly stepKey: string };

/** Those for whom an execution works, the nearest first. */
export async function ancestorsOf(
  executions: Executions,
  ref: ExecutionRef,
  state: ExecutionState,
): Promise<readonly Ancestor[]> {
  const found: Ancestor[] = [];
  for (let parent = state.created?.parent; parent; parent = found.at(-1)?.state.created?.parent) {
    const at = { org: ref.org, id: parent.executionId };
    found.push({ ref: at, state: { ...(await executions.load(at)) }, stepKey: parent.stepKey });
  }
  return found;
}

/** The phase of an execution that nobody drives, once these events have happened. */
function phaseAfter(deps: SessionDeps, state: ExecutionState, events: readonly NewEvent[]): Phase {
  const status = clone(AgentExecutionStatusSchema, state.status);
  for (const event of stamp(deps.resources.clock, events)) foldStatus(status, event, 0);
  return waitingPhase(status);
}

/** Tells all for whom an execution works of questions to people that it asks, or that are answered or withdrawn. */
export async function tellAncestors(
  deps: SessionDeps,
  ancestors: readonly Ancestor[],
  bodies: readonly NewEvent["event"][],
): Promise<Change> {
  if (bodies.length === 0) return { batch: {}, preconditions: [], touched: [] };
  const batches: Batch[] = [];
  for (const { ref, state, stepKey } of ancestors) {
    if (isFinal(state.status.phase)) continue;
    const told = bodies.map((event): NewEvent => ({ stepKey, event }) as NewEvent);
    batches.push(await deps.executions.batchFor(ref, state, [...told, ...phaseEvents(deps, state, told)]));
  }
  return { batch: mergeBatches(...batches), preconditions: [], touched: ancestors.map(({ ref }) => ref.id) };
}

/** One that is paused stays so. */
function phaseEvents(deps: SessionDeps, state: ExecutionState, told: readonly NewEvent[]): NewEvent[] {
  const phase = phaseAfter(deps, state, told);
  if (state.status.phase === Phase.PAUSED || state.status.phase === phase) return [];
  return [{ event: { case: "phaseChanged", value: { phase } } }];
}
