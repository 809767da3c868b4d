import { create } from "@bufbuild/protobuf";
import { exhausted } from "@stigmer/base";
import {
  ExecutionPhase as Phase,
  type Session,
  type SessionStatus,
  SessionStatusSchema,
} from "@stigmer/contracts/agentic";
import { fromRow, type PipelineDeps, type Resource, toRow } from "@stigmer/resource";
import type { Batch, Precondition } from "@stigmer/store";
import { type ExecutionRef, taskKeyOf } from "./execution-ref.ts";
import type { Executions } from "./executions.ts";
import { requireKind } from "./require-kind.ts";
import type { ExecutionState } from "./state.ts";

/** Executions of a session that may wait for their turn. */
const MOST_QUEUED = 100;

export type SessionDeps = { readonly resources: PipelineDeps; readonly executions: Executions };
type Change = { readonly batch: Batch; readonly preconditions: readonly Precondition[] };

const NO_CHANGE: Change = { batch: {}, preconditions: [] };

/** Puts an execution behind those of its session that have not ended; whether it is its turn at once. */
export function joinQueue(session: Session, id: string): boolean {
  const status = session.status ?? create(SessionStatusSchema);
  session.status = status;
  status.latestExecutionId = id;
  if (!status.activeExecutionId) {
    status.activeExecutionId = id;
    return true;
  }
  if (status.queuedExecutionIds.length >= MOST_QUEUED) {
    const facts = { limit: "queued executions of a session", execution: status.activeExecutionId };
    const message = `${MOST_QUEUED} executions of the session wait already`;
    throw exhausted("SESSION_BUSY", facts, { message });
  }
  status.queuedExecutionIds.push(id);
  return false;
}

/** An execution has ended, or will never have its turn: the next one of its session has it, by the same commit. */
export async function leaveQueue(deps: SessionDeps, ref: ExecutionRef, state: ExecutionState): Promise<Change> {
  const kind = requireKind(deps.resources.kinds, "Session");
  const key = { tenant: ref.org, kind: kind.options.kind, id: state.status.sessionId };
  const row = await deps.resources.store.get(key);
  if (!row) return await wakeWithoutSession(deps, ref, state);
  const session = fromRow(kind, row) as Resource & Session;
  const next = session.status && leave(session.status, ref.id);
  if (next === undefined) return NO_CHANGE;
  const woken = next ? await wake(deps, { org: ref.org, id: next }) : {};
  return {
    batch: { puts: [toRow(kind, ref.org, session)], ...woken },
    preconditions: [{ row, version: row.version }],
  };
}

/** The one whose turn it is now, empty where there is none; undefined where nothing changes. */
function leave(status: SessionStatus, id: string): string | undefined {
  if (status.activeExecutionId === id) {
    status.activeExecutionId = status.queuedExecutionIds.shift() ?? "";
    return status.activeExecutionId;
  }
  const at = status.queuedExecutionIds.indexOf(id);
  if (at < 0) return undefined;
  status.queuedExecutionIds.splice(at, 1);
  return "";
}

/** The session was deleted while executions of it went on: whichever waits is next. */
async function wakeWithoutSession(deps: SessionDeps, ref: ExecutionRef, state: ExecutionState): Promise<Change> {
  const kind = deps.executions.agentExecutionKind.options.kind;
  const filter = { tenant: ref.org, kind, parent: state.status.sessionId };
  const { rows } = await deps.resources.store.page(filter, { after: ref.id, limit: MOST_QUEUED });
  for (const { id } of rows) {
    const woken = await wake(deps, { org: ref.org, id });
    if (woken.tasks) return { batch: woken, preconditions: [] };
  }
  return NO_CHANGE;
}

/** One that is paused has its turn and stays asleep. */
async function wake(deps: SessionDeps, ref: ExecutionRef): Promise<Batch> {
  const state = await deps.executions.load(ref);
  const task = await deps.executions.task(ref);
  if (state.status.phase !== Phase.PENDING || task?.dueAt !== undefined) return {};
  return { tasks: [dueTask(ref, state, deps.resources.clock.now())] };
}

/** An execution's task, to be handed out from a time on; undefined lets it sleep. */
export function dueTask(ref: ExecutionRef, state: ExecutionState, dueAt: number | undefined) {
  return { ...taskKeyOf(ref, state), epoch: state.epoch, holder: "", dueAt, bytes: new Uint8Array() };
}

/** Whether it is an execution's turn in its session. */
export async function hasTurn(deps: SessionDeps, ref: ExecutionRef, state: ExecutionState): Promise<boolean> {
  const kind = requireKind(deps.resources.kinds, "Session");
  const key = { tenant: ref.org, kind: kind.options.kind, id: state.status.sessionId };
  const row = await deps.resources.store.get(key);
  const session = row && (fromRow(kind, row) as Resource & Session);
  return !session?.status?.queuedExecutionIds.includes(ref.id);
}
