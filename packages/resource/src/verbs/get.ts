import type { Message } from "@bufbuild/protobuf";
import type { Reader, Row } from "@stigmer/store";
import type { Call } from "../call.ts";
import type { Handler } from "../handler.ts";
import type { Kind } from "../kind.ts";
import type { PipelineDeps } from "../pipeline.ts";
import { atRevision } from "../revisions.ts";
import { rowBytes } from "../row-bytes.ts";
import { deletedKind, shownRow } from "../stored.ts";
import { reachVersion } from "./min-version.ts";
import { missing } from "./objects.ts";

type GetRequest = Message & { readonly id: string; readonly minResourceVersion: string };
type Reference = Message & {
  readonly name: string;
  readonly revision: string;
  readonly minResourceVersion: string;
  readonly showDeleted: boolean;
};

/** A read, as a message or as its encoding. */
export type Read = Required<Pick<Extract<Handler, { readonly shape: "unary" }>, "run" | "encoded">>;

/** Reads by id; one that is deleted too, which its `delete_time` says. */
export function getVerb(deps: PipelineDeps, kind: Kind): Read {
  const read = async (request: Message, call: Call): Promise<Row> => {
    const { id, minResourceVersion } = request as GetRequest;
    await reachVersion(deps, minResourceVersion, call.signal);
    const key = { tenant: call.org, id };
    const row =
      (await deps.store.get({ ...key, kind: kind.options.kind })) ??
      (await deps.store.get({ ...key, kind: deletedKind(kind) }));
    if (!row) throw missing(kind, id);
    return row;
  };
  return {
    run: async (request, call) => shownRow(kind, await read(request, call)),
    encoded: async (request, call) => rowBytes(kind, await read(request, call)),
  };
}

/** Reads by name, as the resource is now or as it was in a revision. */
export function getByReferenceVerb(deps: PipelineDeps, kind: Kind): Read {
  const read = async (request: Message, call: Call): Promise<Row> => {
    const { name, revision, minResourceVersion, showDeleted } = request as Reference;
    await reachVersion(deps, minResourceVersion, call.signal);
    const row = await rowNamed(deps.store, kind, { org: call.org, name, showDeleted });
    if (!row) throw missing(kind, name);
    if (!revision) return row;
    return (await atRevision({ read: deps.store, keys: deps.keys }, kind, { row, revision })).row;
  };
  return {
    run: async (request, call) => shownRow(kind, await read(request, call)),
    encoded: async (request, call) => rowBytes(kind, await read(request, call)),
  };
}

async function rowNamed(
  read: Reader,
  kind: Kind,
  { org: tenant, name, showDeleted }: { readonly org: string; readonly name: string; readonly showDeleted: boolean },
): Promise<Row | undefined> {
  const row = await read.getByName({ tenant, kind: kind.options.kind, name });
  return row || !showDeleted ? row : await read.getByName({ tenant, kind: deletedKind(kind), name });
}
