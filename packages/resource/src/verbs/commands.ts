import type { Message } from "@bufbuild/protobuf";
import { conflict, invalid } from "@stigmer/base";
import type { Reader, Row } from "@stigmer/store";
import type { Call } from "../call.ts";
import type { Kind, Resource } from "../kind.ts";
import type { Pipeline, PipelineDeps, Plan } from "../pipeline.ts";
import { fromRow, metadataOf, toRow } from "../stored.ts";
import { newObject, nextObject, requireById, requireByName } from "./objects.ts";

type Verb = (request: Message, call: Call) => Promise<Message>;

/** create, update and delete of one kind. */
export function commandVerbs(
  deps: PipelineDeps,
  pipeline: Pipeline,
  kind: Kind,
): Record<"create" | "update" | "delete", Verb> {
  return {
    create: (request, call) => pipeline.command(request, call, () => planCreate(deps, kind, request as Resource, call)),
    update: (request, call) =>
      pipeline.command(request, call, (read) => planUpdate(deps, kind, { request: request as Resource, call, read })),
    delete: (request, call) =>
      pipeline.command(request, call, (read) => planDelete(kind, { request: request as DeleteRequest, call, read })),
  };
}

type DeleteRequest = Message & { id: string; resourceVersion: string };
type Change<Q> = { readonly request: Q; readonly call: Call; readonly read: Reader };

export async function planCreate(
  deps: PipelineDeps,
  kind: Kind,
  request: Resource,
  call: Call,
): Promise<Plan<Resource>> {
  const next = await newObject(deps, kind, request, call);
  const row = toRow(kind, call.org, next);
  return { batch: { puts: [row] }, preconditions: [{ row, version: 0 }], answer: next, resource: row.id };
}

async function planUpdate(deps: PipelineDeps, kind: Kind, change: Change<Resource>): Promise<Plan<Resource>> {
  const { request, call, read } = change;
  const { name, resourceVersion } = metadataOf(request);
  if (!name) throw invalid([{ field: "metadata.name", description: "is required" }]);
  if (!resourceVersion) {
    const description = "is required: the version that the change is based on, as the last read returned it";
    throw invalid([{ field: "metadata.resourceVersion", description }]);
  }
  const row = await requireByName(read, kind, { org: call.org, name });
  requireVersion(kind, row, resourceVersion);
  return planReplace(deps, kind, { row, request, call });
}

/** Replaces a stored resource by a request; an equal one is left as it is. */
export async function planReplace(
  deps: PipelineDeps,
  kind: Kind,
  change: { readonly row: Row; readonly request: Resource; readonly call: Call },
): Promise<Plan<Resource>> {
  const { row, call } = change;
  const next = await nextObject(deps, kind, change);
  if (!next) return { answer: fromRow(kind, row), resource: row.id };
  return {
    batch: { puts: [toRow(kind, call.org, next)] },
    preconditions: [{ row, version: row.version }],
    answer: next,
    resource: row.id,
  };
}

async function planDelete(kind: Kind, change: Change<DeleteRequest>): Promise<Plan<Resource>> {
  const { request, call, read } = change;
  const row = await requireById(read, kind, { org: call.org, id: request.id });
  if (request.resourceVersion) requireVersion(kind, row, request.resourceVersion);
  return {
    batch: { deletes: [row] },
    preconditions: [{ row, version: row.version }],
    answer: fromRow(kind, row),
    resource: row.id,
  };
}

function requireVersion(kind: Kind, row: Row, sent: string): void {
  const current = String(row.version);
  if (sent === current) return;
  const message = `${kind.options.kind.toLowerCase()} "${row.name}" has changed since version ${sent}; read it again and retry`;
  throw conflict("VERSION_MOVED", { kind: kind.options.kind, name: row.name, current, sent }, { message });
}
