import type { Message } from "@bufbuild/protobuf";
import { conflict, invalid } from "@stigmer/base";
import type { Batch, Reader, Row } from "@stigmer/store";
import type { Call } from "../call.ts";
import type { Kind, Resource } from "../kind.ts";
import type { Pipeline, PipelineDeps, Plan } from "../pipeline.ts";
import { keptRevision } from "../revisions.ts";
import { fromRow, metadataOf, toRow } from "../stored.ts";
import { equalSpecs, newSealed, nextObject, requireByName, type Sealed } from "./objects.ts";

export type Verb = (request: Message, call: Call) => Promise<Message>;

/** create and update of one kind. */
export function writeVerbs(deps: PipelineDeps, pipeline: Pipeline, kind: Kind): Record<"create" | "update", Verb> {
  return {
    create: (request, call) => pipeline.command(request, call, () => planCreate(deps, kind, request as Resource, call)),
    update: (request, call) =>
      pipeline.command(request, call, (read) => planUpdate(deps, kind, { request: request as Resource, call, read })),
  };
}

type Change = { readonly request: Resource; readonly call: Call; readonly read: Reader };

export async function planCreate(
  deps: PipelineDeps,
  kind: Kind,
  request: Resource,
  call: Call,
): Promise<Plan<Resource>> {
  const { next, storage } = await newSealed(deps, kind, request, call);
  const row = toRow(kind, call.org, next);
  const preconditions = [{ row, version: 0 }, ...storage.preconditions];
  return { batch: { puts: [row, ...storage.puts] }, preconditions, answer: next, encoded: row.bytes, resource: row.id };
}

async function planUpdate(deps: PipelineDeps, kind: Kind, change: Change): Promise<Plan<Resource>> {
  const { request, call, read } = change;
  const { name, resourceVersion } = metadataOf(request);
  if (!name) throw invalid([{ field: "metadata.name", description: "is required" }]);
  if (!resourceVersion) {
    const description = "is required: the version that the change is based on, as the last read returned it";
    throw invalid([{ field: "metadata.resourceVersion", description }]);
  }
  const row = await requireByName(read, kind, { org: call.org, name });
  requireVersion(kind, row, resourceVersion);
  const changed = await nextObject(deps, kind, { row, request, call });
  if (!changed) return { answer: fromRow(kind, row), resource: row.id };
  return await planReplace(deps, kind, { row, call, ...changed });
}

/** Stores a next version, and keeps the spec that it replaces as a revision. */
export async function planReplace(
  deps: PipelineDeps,
  kind: Kind,
  change: Sealed & { readonly row: Row; readonly call: Call },
): Promise<Plan<Resource>> {
  const { row, next, storage, call } = change;
  const moved = !equalSpecs(kind, fromRow(kind, row), next);
  const kept = moved ? await keptRevision({ read: deps.store, keys: deps.keys }, kind, row) : undefined;
  const put = toRow(kind, call.org, next);
  const batch: Batch = { puts: [put, ...(kept ? [kept] : []), ...storage.puts] };
  const preconditions = [{ row, version: row.version }, ...storage.preconditions];
  return { batch, preconditions, answer: next, encoded: put.bytes, resource: row.id };
}

export function requireVersion(kind: Kind, row: Row, sent: string): void {
  const current = String(row.version);
  if (sent === current) return;
  const message = `${kind.options.kind.toLowerCase()} "${row.name}" has changed since version ${sent}; read it again and retry`;
  throw conflict("VERSION_MOVED", { kind: kind.options.kind, name: row.name, current, sent }, { message });
}
