import type { Message } from "@bufbuild/protobuf";
import type { Reader, Row } from "@stigmer/store";
import type { Call } from "../call.ts";
import type { Kind } from "../kind.ts";
import type { PipelineDeps } from "../pipeline.ts";
import { atRevision } from "../revisions.ts";
import { deletedKind, fromRow } from "../stored.ts";
import { reachVersion } from "./min-version.ts";
import { missing } from "./objects.ts";

type GetRequest = Message & { readonly id: string; readonly minResourceVersion: string };
type Reference = Message & {
  readonly name: string;
  readonly revision: string;
  readonly minResourceVersion: string;
  readonly showDeleted: boolean;
};

/** Reads by id; one that is deleted too, which its `delete_time` says. */
export async function getById(deps: PipelineDeps, kind: Kind, request: Message, call: Call): Promise<Message> {
  const { id, minResourceVersion } = request as GetRequest;
  await reachVersion(deps, minResourceVersion, call.signal);
  const key = { tenant: call.org, id };
  const row =
    (await deps.store.get({ ...key, kind: kind.options.kind })) ??
    (await deps.store.get({ ...key, kind: deletedKind(kind) }));
  if (!row) throw missing(kind, id);
  return fromRow(kind, row);
}

/** Reads by name, as the resource is now or as it was in a revision. */
export async function getByReference(deps: PipelineDeps, kind: Kind, request: Message, call: Call): Promise<Message> {
  const reference = request as Reference;
  await reachVersion(deps, reference.minResourceVersion, call.signal);
  const row = await rowNamed(deps.store, kind, { org: call.org, reference });
  if (!row) throw missing(kind, reference.name);
  if (!reference.revision) return fromRow(kind, row);
  const { resource } = await atRevision({ read: deps.store, keys: deps.keys }, kind, { row, ...reference });
  return resource;
}

async function rowNamed(
  read: Reader,
  kind: Kind,
  { org: tenant, reference: { name, showDeleted } }: { readonly org: string; readonly reference: Reference },
): Promise<Row | undefined> {
  const row = await read.getByName({ tenant, kind: kind.options.kind, name });
  return row || !showDeleted ? row : await read.getByName({ tenant, kind: deletedKind(kind), name });
}
