import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { isFault, type Log } from "@stigmer/base";
import { type Approval, ApprovalDecision, ApprovalExpiry, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { fromRow, metadataOf, type Resource, toRow } from "@stigmer/resource";
import type { Task } from "@stigmer/store";
import { ancestorsOf, tellAncestors } from "./ancestors.ts";
import { answerApproval } from "./answer-approval.ts";
import { decisionPlan } from "./approvals.ts";
import { CANCEL_GRACE_MS, cancelEnding } from "./cancelling.ts";
import { type EndingDeps, planEnd } from "./ending.ts";
import type { ExecutionRef, NewEvent } from "./execution-ref.ts";
import { mergeBatches } from "./executions.ts";
import { workedMs } from "./fold-work.ts";
import { maxDurationMs } from "./limits.ts";
import { requireKind } from "./require-kind.ts";
import { createScanner } from "./scanner.ts";
import { isFinal } from "./state.ts";
import { approvalTimer, TIMER_QUEUE, timerOf, timerTask } from "./timer-tasks.ts";

export type TimersDeps = EndingDeps & { readonly log: Log };

/** Sees to it that what has a deadline ends at it: approvals, and executions that are being cancelled. */
export interface Timers {
  start(): void;
  stop(): void;
}

const SCAN_LIMIT = 256;

export function createTimers(deps: TimersDeps): Timers {
  let last = Number.POSITIVE_INFINITY; // before the first look anything may have happened to the clock
  const look = async (): Promise<void> => {
    const now = deps.resources.clock.now();
    if (now < last) await bringForward(deps);
    last = now;
    await scan(deps);
  };
  const scanner = createScanner(look, deps.log);
  return { start: () => scanner.start(), stop: () => scanner.stop() };
}

/** The clock was set back: what is being cancelled does not wait until it has caught up. */
async function bringForward(deps: TimersDeps): Promise<void> {
  const { store, clock } = deps.resources;
  const latest = clock.now() + CANCEL_GRACE_MS;
  for await (const task of store.tasks(TIMER_QUEUE)) {
    const timer = timerOf(task);
    if (timer?.for === "duration") await endOverdue(deps, timer.execution, task);
    if (timer?.for !== "cancel" || task.dueAt === undefined || task.dueAt <= latest) continue;
    await store.commit({ tasks: [{ ...task, dueAt: latest }] }, [{ task, epoch: task.epoch, holder: task.holder }]);
  }
}

async function scan(deps: TimersDeps): Promise<void> {
  const { store, clock } = deps.resources;
  for (let full = true; full; ) {
    const due = await store.due(TIMER_QUEUE, { until: clock.now(), limit: SCAN_LIMIT, held: false });
    for (const task of due) await fire(deps, task);
    full = due.length === SCAN_LIMIT;
  }
}

/** One deadline that can't be kept must not hold up the others; where nothing can be stored, all wait. */
async function fire(deps: TimersDeps, task: Task): Promise<void> {
  const timer = timerOf(task);
  try {
    if (timer?.for === "cancel") await endCancelled(deps, timer.execution, task);
    else if (timer?.for === "duration") await endOverdue(deps, timer.execution, task);
    else if (timer?.for === "approval") await expire(deps, timer.approval, task);
    else await deps.resources.store.commit({ taskDeletes: [task] });
  } catch (err) {
    if (isFault(err, "VERSION_MOVED")) return; // somebody was quicker; the next look tells
    if (isFault(err) && (err.kind === "exhausted" || err.kind === "unavailable")) throw err;
    deps.log.error({ err, timer: task.id }, "deadline was not kept");
    await deps.resources.store.commit({ tasks: [{ ...task, dueAt: deps.resources.clock.now() + RETRY_MS }] });
  }
}

const RETRY_MS = 60_000;

/** Whatever still runs has had its time. */
async function endCancelled(deps: TimersDeps, ref: ExecutionRef, task: Task): Promise<void> {
  await deps.executions.record(ref, async (state) => {
    if (isFinal(state.status.phase) || !state.cancelling) {
      return { events: [], batch: { taskDeletes: [task] }, answer: undefined };
    }
    return { ...(await planEnd(deps, ref, state, cancelEnding(state.cancelling))), answer: undefined };
  });
}

/** It has worked for as long as it may; one that rests meanwhile gets a new deadline when it goes on. */
async function endOverdue(deps: TimersDeps, ref: ExecutionRef, task: Task): Promise<void> {
  const now = deps.resources.clock.now();
  await deps.executions.record(ref, async (state) => {
    const limitMs = maxDurationMs(state.created?.limits);
    const works = state.status.phase === Phase.RUNNING && !state.cancelling;
    if (!works || limitMs === undefined) return { events: [], batch: { taskDeletes: [task] }, answer: undefined };
    const leftMs = limitMs - workedMs(state, now);
    if (leftMs > 0) return { events: [], batch: { tasks: [{ ...task, dueAt: now + leftMs }] }, answer: undefined };
    const message = `it has worked for ${Math.round(limitMs / 1_000)} s, its limit`;
    const ending = { phase: Phase.FAILED, error: { reason: "LIMIT_REACHED", message } };
    return { ...(await planEnd(deps, ref, state, ending)), answer: undefined };
  });
}

async function expire(deps: TimersDeps, { org, id }: ExecutionRef, task: Task): Promise<void> {
  const { store, kinds, clock } = deps.resources;
  const kind = requireKind(kinds, "Approval");
  const row = await store.get({ tenant: org, kind: kind.options.kind, id });
  const approval = row && (fromRow(kind, row) as Resource & Approval);
  if (!approval || approval.status?.decision !== ApprovalDecision.UNSPECIFIED) {
    await store.commit({ taskDeletes: [task] });
    return;
  }
  const expiry = approval.spec?.onExpiry;
  const escalates = expiry === ApprovalExpiry.STAY || expiry === ApprovalExpiry.ESCALATE;
  if (escalates && !approval.status.escalateTime) return await escalate(deps, { row, approval, task, org });
  answerApproval(approval, {
    ...{ decision: ApprovalDecision.EXPIRED, by: "system", now: clock.now() },
    comment: "nobody decided in time",
  });
  const plan = await decisionPlan(deps, { row, approval, org });
  const revision = await store.commit(plan.batch ?? {}, plan.preconditions);
  plan.afterCommit?.(revision);
}

type Escalating = {
  readonly row: NonNullable<Awaited<ReturnType<EndingDeps["resources"]["store"]["get"]>>>;
  readonly approval: Resource & Approval;
  readonly task: Task;
  readonly org: string;
};

/** Marks it for others to see; it stays open for as long again, or for ever. */
async function escalate(deps: TimersDeps, { row, approval, task, org }: Escalating): Promise<void> {
  const { store, kinds, clock } = deps.resources;
  const { spec, status } = approval;
  if (!spec || !status) return;
  const now = clock.now();
  const asked = metadataOf(approval).createTime;
  const openMs = spec.expireTime && asked ? timestampMs(spec.expireTime) - timestampMs(asked) : 0;
  status.escalateTime = timestampFromMs(now);
  const staysOpen = spec.onExpiry === ApprovalExpiry.STAY;
  if (staysOpen) delete spec.expireTime;
  else spec.expireTime = timestampFromMs(now + openMs);
  const key = approvalTimer({ org, id: row.id });
  const ref = { org, id: spec.executionId };
  const state = { ...(await deps.executions.load(ref)) };
  const event: NewEvent["event"] = { case: "approvalEscalated", value: { approvalId: row.id } };
  const own = isFinal(state.status.phase)
    ? {}
    : await deps.executions.batchFor(ref, state, [{ stepKey: spec.stepKey, event }]);
  const above = await tellAncestors(deps, await ancestorsOf(deps.executions, ref, state), [event]);
  const timer = staysOpen ? { taskDeletes: [task] } : { tasks: [timerTask(key, now + openMs)] };
  const put = { puts: [toRow(requireKind(kinds, "Approval"), org, approval)] };
  await store.commit(mergeBatches(put, own, above.batch, timer), [{ row, version: row.version }]);
  for (const id of [ref.id, ...above.touched]) deps.hub.changed(id);
}
