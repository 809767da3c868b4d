import { create } from "@bufbuild/protobuf";
import { conflict } from "@stigmer/base";
import {
  type Approval,
  ApprovalDecision,
  type ExecutionError,
  ExecutionPhase as Phase,
  ToolResultSchema,
} from "@stigmer/contracts/agentic";
import { fromRow, type Resource, toRow } from "@stigmer/resource";
import type { Batch, Precondition, Task } from "@stigmer/store";
import { type Ancestor, ancestorsOf, type Change, tellAncestors } from "./ancestors.ts";
import { answerApproval } from "./answer-approval.ts";
import { type ExecutionRef, type NewEvent, taskKeyOf } from "./execution-ref.ts";
import { mergeBatches } from "./executions.ts";
import type { Hub } from "./hub.ts";
import type { Leases } from "./leases.ts";
import type { LiveSteps } from "./live-steps.ts";
import { requireKind } from "./require-kind.ts";
import { type Runners, revoke } from "./runners.ts";
import { dueTask, leaveQueue, type SessionDeps } from "./session-queue.ts";
import { type ExecutionState, isFinal } from "./state.ts";
import { approvalTimer, cancelTimer } from "./timer-tasks.ts";
import { treeUsage } from "./tree-usage.ts";

export type EndingDeps = SessionDeps & {
  readonly runners: Runners;
  readonly live: LiveSteps;
  readonly hub: Hub;
  readonly leases: Pick<Leases, "wake">;
};

/** How an execution ends. */
export type Ending = {
  readonly phase: Phase;
  readonly output?: string;
  readonly error?: Pick<ExecutionError, "reason" | "message">;
  readonly by?: string;
  readonly comment?: string;
  /** Epoch of the lease under which it ends; absent where it ends by command. */
  readonly epoch?: bigint;
};

/** All that hangs on the end of an execution, for one commit. */
export type EndPlan = {
  readonly events: readonly NewEvent[];
  readonly batch: Batch;
  readonly preconditions: readonly Precondition[];
  /** Tells runners, ends what runs, wakes who waits; after the commit. */
  readonly afterCommit: () => void;
};

/**
 * Ends an execution: its approvals are withdrawn, its task goes, its session's next execution has its turn, the execution
 * for which it worked gets its answer and goes on, and the sub-agent that worked for it ends with it.
 */
export async function planEnd(
  deps: EndingDeps,
  ref: ExecutionRef,
  state: ExecutionState,
  ending: Ending,
): Promise<EndPlan> {
  const own = await endAlone(deps, ref, state, ending);
  const ancestors = await ancestorsOf(deps.executions, ref, state);
  const answered = await answerParent(deps, { ref, state, ending, ancestors, withdrawn: own.withdrawn });
  const child = await endChild(deps, ref, state, ending);
  const batch = mergeBatches(own.batch, answered.batch, ...child.map((one) => one.batch));
  return {
    events: own.events,
    batch,
    preconditions: [...own.preconditions, ...child.flatMap(({ preconditions }) => preconditions)],
    afterCommit: () => {
      own.afterCommit();
      for (const one of child) one.afterCommit();
      for (const id of answered.touched) deps.hub.changed(id);
      deps.leases.wake(batch.tasks ?? []);
      deps.leases.wake(); // a slot is free
    },
  };
}

type OwnEnd = EndPlan & { readonly withdrawn: readonly NewEvent["event"][] };

async function endAlone(
  deps: EndingDeps,
  ref: ExecutionRef,
  state: ExecutionState,
  { epoch, ...ending }: Ending,
): Promise<OwnEnd> {
  const task = epoch === undefined ? await deps.executions.task(ref) : undefined; // a runner that ends it knows
  const withdrawn = await withdraw(deps, ref, state);
  const session = await leaveQueue(deps, ref, state);
  const changed: NewEvent = { ...(epoch && { epoch }), event: { case: "phaseChanged", value: ending } };
  return {
    events: [...withdrawn.events, changed],
    withdrawn: withdrawn.bodies,
    batch: mergeBatches(withdrawn.batch, session.batch, { taskDeletes: [taskKeyOf(ref, state), cancelTimer(ref)] }),
    preconditions: session.preconditions,
    afterCommit: () => stop(deps, ref, { task, sessionId: state.status.sessionId }),
  };
}

/** Nobody needs to answer any more. Those of sub-agents are theirs to withdraw. */
async function withdraw(deps: EndingDeps, ref: ExecutionRef, state: ExecutionState) {
  const kind = requireKind(deps.resources.kinds, "Approval");
  const decision = ApprovalDecision.WITHDRAWN;
  const events: NewEvent[] = [];
  const puts: NonNullable<Batch["puts"]>[number][] = [];
  for (const approvalId of state.status.approvalIds) {
    const row = await deps.resources.store.get({ tenant: ref.org, kind: kind.options.kind, id: approvalId });
    const approval = row && (fromRow(kind, row) as Resource & Approval);
    const value = { approvalId, decision, decidedBy: "system", comment: "" };
    events.push({ stepKey: approval?.spec?.stepKey ?? "", event: { case: "approvalDecided", value } });
    if (approval?.spec?.executionId !== ref.id) continue;
    answerApproval(approval, {
      decision,
      by: "system",
      comment: "the execution ended",
      now: deps.resources.clock.now(),
    });
    puts.push(toRow(kind, ref.org, approval));
  }
  const taskDeletes = puts.map(({ id }) => approvalTimer({ org: ref.org, id }));
  return { events, bodies: events.map(({ event }) => event), batch: { puts, taskDeletes } };
}

type Answering = {
  readonly ref: ExecutionRef;
  readonly state: ExecutionState;
  readonly ending: Ending;
  readonly ancestors: readonly Ancestor[];
  readonly withdrawn: readonly NewEvent["event"][];
};

/** The step for which the execution worked has its outcome, and whoever asked goes on. */
async function answerParent(deps: EndingDeps, of: Answering): Promise<Change> {
  const [parent, ...others] = of.ancestors;
  if (!parent || isFinal(parent.state.status.phase)) return { batch: {}, preconditions: [], touched: [] };
  const step = parent.state.steps.get(parent.stepKey);
  const told = of.withdrawn.map((event): NewEvent => ({ stepKey: parent.stepKey, event }) as NewEvent);
  const usage = await treeUsage(deps.executions, of.ref, of.state);
  const ended: NewEvent = {
    stepKey: parent.stepKey,
    attempt: step?.attempt ?? 1,
    event: { case: "subAgentEnded", value: { ...endedValue(of, Buffer.from(step?.digest ?? "", "hex")), usage } },
  };
  const isPaused = parent.state.status.phase === Phase.PAUSED;
  const goesOn: NewEvent[] = isPaused ? [] : [{ event: { case: "phaseChanged", value: { phase: Phase.PENDING } } }];
  const task = dueTask(parent.ref, parent.state, isPaused ? undefined : deps.resources.clock.now());
  const batch = await deps.executions.batchFor(parent.ref, parent.state, [...told, ended, ...goesOn]);
  const above = await tellAncestors(deps, others, of.withdrawn);
  return {
    batch: mergeBatches(batch, { tasks: [task] }, above.batch),
    preconditions: [],
    touched: [parent.ref.id, ...above.touched],
  };
}

function endedValue({ ref, state, ending }: Answering, requestDigest: Uint8Array<ArrayBuffer>) {
  const { phase, output = "", error } = ending;
  const isError = phase !== Phase.SUCCEEDED;
  const content = isError ? `the sub-agent ended without an answer: ${error?.message || Phase[phase]}` : output;
  const callId = state.created?.parent?.callId ?? "";
  const result = create(ToolResultSchema, { callId, content, isError });
  return { executionId: ref.id, phase, result, requestDigest };
}

/** Whoever works for an execution that ends, ends with it, and has nobody to answer to. */
async function endChild(
  deps: EndingDeps,
  ref: ExecutionRef,
  state: ExecutionState,
  ending: Ending,
): Promise<readonly EndPlan[]> {
  const id = state.status.subExecutionId;
  if (!id) return [];
  const child = { org: ref.org, id };
  const childState = { ...(await deps.executions.load(child)) };
  if (isFinal(childState.status.phase)) return [];
  const phase = ending.phase === Phase.TERMINATED ? Phase.TERMINATED : Phase.CANCELLED;
  const error = { reason: "EXECUTION_CANCELLED", message: "the execution that it worked for ended" };
  const own = await endAlone(deps, child, childState, { phase, error });
  const journal = await deps.executions.batchFor(child, childState, own.events);
  const below = await endChild(deps, child, childState, ending);
  return [{ ...own, batch: mergeBatches(journal, own.batch) }, ...below];
}

type Stopped = { readonly task: Task | undefined; readonly sessionId: string };

function stop(deps: EndingDeps, ref: ExecutionRef, { task, sessionId }: Stopped): void {
  revoke(deps.runners, task, "ended");
  if (sessionId) deps.runners.stopServers(ref.org, sessionId);
  deps.live.abort(ref.id, conflict("LEASE_FENCED", { execution: ref.id }, { message: "the execution has ended" }));
  deps.hub.changed(ref.id);
}
