import type { Message } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { exhausted, exists, precondition } from "@stigmer/base";
import { DependentsPolicy, RunningPolicy } from "@stigmer/contracts/commons";
import type { Batch, Precondition, Row, RowKey } from "@stigmer/store";
import type { Call } from "../call.ts";
import {
  dependentsOf,
  directDependents,
  losesAllOwners,
  MAX_DEPENDENTS,
  type Place,
  type Stored,
} from "../dependents.ts";
import { requireUnnamed } from "../keeping.ts";
import type { Kind, Resource } from "../kind.ts";
import type { Pipeline, PipelineDeps, Plan } from "../pipeline.ts";
import type { RunningWork } from "../port.ts";
import { purgeTask } from "../purge-task.ts";
import { deletedKind, fromRow, metadataOf, stampTouched, toRow } from "../stored.ts";
import { requireVersion, type Verb } from "./commands.ts";
import { missing, requireById } from "./objects.ts";

type DeleteRequest = Message & {
  readonly id: string;
  readonly resourceVersion: string;
  readonly running: RunningPolicy;
  readonly dependents: DependentsPolicy;
};
type ById = Message & { readonly id: string };

export type RemoveDeps = PipelineDeps & { readonly running: RunningWork };

const KEPT_MS = 30 * 24 * 60 * 60 * 1000;
const MAX_NAMED = 5;

/** delete and undelete of one kind. */
export function removeVerbs(deps: RemoveDeps, pipeline: Pipeline, kind: Kind): Record<"delete" | "undelete", Verb> {
  return {
    delete: (request, call) =>
      pipeline.command(request, call, () => planDelete(deps, kind, request as DeleteRequest, call)),
    undelete: (request, call) => pipeline.command(request, call, () => planUndelete(deps, kind, request as ById, call)),
  };
}

const live: Place = (kind) => kind.options.kind;

async function planDelete(deps: RemoveDeps, kind: Kind, request: DeleteRequest, call: Call): Promise<Plan<Resource>> {
  const row = await requireById(deps.store, kind, { org: call.org, id: request.id });
  if (request.resourceVersion) requireVersion(kind, row, request.resourceVersion);
  const orphan = request.dependents === DependentsPolicy.ORPHAN;
  const of = { read: deps.store, kinds: deps.kinds, place: live };
  const dependents = orphan
    ? []
    : await dependentsOf(of, { kind, row }, (one, gone) => losesAllOwners(of.read, one, gone));
  if (dependents.length > MAX_DEPENDENTS) throw tooMany(kind, row);
  const all = [{ kind, row }, ...dependents];
  const guards = await requireUnnamed(of, all);
  const now = deps.clock.now();
  const deleted = all.map((one) => ({ ...one, next: asDeleted(one, { call, now }) }));
  const freed = orphan ? await orphans(deps, { kind, row }, call) : [];
  await endRunning(deps, all, { policy: request.running, call });
  const batch: Batch = {
    deletes: all.map((one) => one.row),
    puts: [...deleted.map((one) => deletedRow(one.kind, call.org, one.next)), ...freed.map(({ row: put }) => put)],
    tasks: deleted.map((one) => purgeTask(one.kind, one.row, now + KEPT_MS)),
  };
  const [{ next: answer }] = deleted as [(typeof deleted)[number]];
  const moving = [...all, ...freed.map(({ stored }) => stored)].map((one) => unmoved(one.row));
  const preconditions = [...moving, ...guards];
  return { batch, preconditions, answer, resource: row.id };
}

/** Refuses while executions run, or cancels them. This is the last check: nothing is cancelled for a delete that fails another. */
async function endRunning(
  deps: RemoveDeps,
  all: readonly Stored[],
  { policy, call }: { readonly policy: RunningPolicy; readonly call: Call },
): Promise<void> {
  if (policy === RunningPolicy.LEAVE) return;
  const [first] = all;
  const executions = await deps.running.on(all.map(({ kind, row }) => ({ ...row, kind: kind.options.kind })));
  if (!first || executions.length === 0) return;
  if (policy !== RunningPolicy.CANCEL) throw inUse(first, executions);
  for (const id of executions) await deps.running.cancel(id, call);
}

function inUse({ kind, row: { name } }: Stored, executions: readonly string[]): Error {
  const word = kind.options.kind.toLowerCase();
  const named = executions.slice(0, MAX_NAMED).join(", ");
  const message = `executions that need ${word} "${name}" are not finished (${executions.length}: ${named}); wait, or say whether to cancel or to leave them`;
  return precondition("RESOURCE_IN_USE", { kind: kind.options.kind, name, executions: named }, { message });
}

function tooMany(kind: Kind, { name }: Row): Error {
  const message = `more than ${MAX_DEPENDENTS} resources belong to ${kind.options.kind.toLowerCase()} "${name}"; delete some of them first, or leave them behind as orphans`;
  return exhausted("LIMIT_REACHED", { limit: "dependents" }, { message });
}

function asDeleted({ kind, row }: Stored, { call, now }: { readonly call: Call; readonly now: number }): Resource {
  const next = fromRow(kind, row);
  stampTouched(kind, next, { subject: call.caller.subject, now });
  Object.assign(metadataOf(next), { deleteTime: timestampFromMs(now), purgeTime: timestampFromMs(now + KEPT_MS) });
  return next;
}

function deletedRow(kind: Kind, org: string, resource: Resource) {
  return { ...toRow(kind, org, resource), kind: deletedKind(kind) };
}

/** Resources that lose an owner and stay. */
async function orphans(deps: RemoveDeps, owner: Stored, call: Call) {
  const freed: { readonly stored: Stored; readonly row: ReturnType<typeof toRow> }[] = [];
  for await (const stored of directDependents({ read: deps.store, kinds: deps.kinds, place: live }, owner)) {
    if (freed.length === MAX_DEPENDENTS) throw tooMany(owner.kind, owner.row);
    const next = fromRow(stored.kind, stored.row);
    const metadata = metadataOf(next);
    metadata.ownerRefs = metadata.ownerRefs.filter(({ id }) => id !== owner.row.id);
    stampTouched(stored.kind, next, { subject: call.caller.subject, now: deps.clock.now() });
    freed.push({ stored, row: toRow(stored.kind, call.org, next) });
  }
  return freed;
}

async function planUndelete(deps: RemoveDeps, kind: Kind, { id }: ById, call: Call): Promise<Plan<Resource>> {
  const row = await requireDeleted(deps, kind, { org: call.org, id });
  const time = deleteTimeOf(kind, row);
  const of = { read: deps.store, kinds: deps.kinds, place: deletedKind };
  const together = await dependentsOf(of, { kind, row }, (one) => sameTime(deleteTimeOf(one.kind, one.row), time));
  const all = [{ kind, row }, ...together];
  const now = deps.clock.now();
  const revived = all.map((one) => ({ ...one, next: asLive(one, { call, now }) }));
  const batch: Batch = {
    deletes: all.map((one) => deletedKey(one.kind, one.row)),
    puts: revived.map((one) => toRow(one.kind, call.org, one.next)),
    taskDeletes: all.map((one) => purgeTask(one.kind, one.row, 0)),
  };
  const [{ next: answer }] = revived as [(typeof revived)[number]];
  const preconditions = all.map((one) => unmoved({ ...one.row, kind: deletedKind(one.kind) }));
  return { batch, preconditions, answer, resource: row.id };
}

/** The row of a deleted resource; one that is not deleted is `RESOURCE_EXISTS`. */
export async function requireDeleted(
  deps: PipelineDeps,
  kind: Kind,
  at: { readonly org: string; readonly id: string },
  refusal: (row: Row) => Error = (row) => notDeleted(kind, row),
): Promise<Row> {
  const key = { tenant: at.org, id: at.id };
  const row = await deps.store.get({ ...key, kind: deletedKind(kind) });
  if (row) return row;
  const there = await deps.store.get({ ...key, kind: kind.options.kind });
  throw there ? refusal(there) : missing(kind, at.id);
}

function notDeleted(kind: Kind, { name }: Row): Error {
  const message = `${kind.options.kind.toLowerCase()} "${name}" is not deleted`;
  return exists("RESOURCE_EXISTS", { kind: kind.options.kind, name }, { message });
}

function asLive({ kind, row }: Stored, { call, now }: { readonly call: Call; readonly now: number }): Resource {
  const next = fromRow(kind, row);
  stampTouched(kind, next, { subject: call.caller.subject, now });
  const { deleteTime, purgeTime, ...metadata } = metadataOf(next);
  next.metadata = metadata;
  return next;
}

function deleteTimeOf(kind: Kind, row: Row): Timestamp | undefined {
  return metadataOf(fromRow(kind, row)).deleteTime;
}

function sameTime(a: Timestamp | undefined, b: Timestamp | undefined): boolean {
  return a?.seconds === b?.seconds && a?.nanos === b?.nanos;
}

/** The row's key; a row that was found under the kind of deleted ones has that kind. */
function deletedKey(kind: Kind, { tenant, id }: RowKey): RowKey {
  return { tenant, kind: deletedKind(kind), id };
}

function unmoved({ tenant, kind, id, version }: Row): Precondition {
  return { row: { tenant, kind, id }, version };
}
