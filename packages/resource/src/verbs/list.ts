import { create, type Message } from "@bufbuild/protobuf";
import type { Call } from "../call.ts";
import type { Kind } from "../kind.ts";
import type { PipelineDeps } from "../pipeline.ts";
import { deletedKind, fromRow } from "../stored.ts";
import { createPageTokens, createWatchTokens } from "../tokens.ts";
import { reachVersion } from "./min-version.ts";
import { queryOf } from "./query.ts";
import { matchingRows } from "./rows.ts";

/** Not every kind's request can show what is deleted. */
type ListRequest = Message & {
  readonly pageSize: number;
  readonly pageToken: string;
  readonly showDeleted?: boolean;
  readonly minResourceVersion: string;
};

type ListDeps = Pick<PipelineDeps, "store" | "keys" | "clock">;

const DEFAULT_PAGE = 50;

/** Reads a page of a kind's resources, in order of id, and says how to go on: page by page, or by a watch from here. */
export function listVerb(deps: ListDeps, kind: Kind): (request: Message, call: Call) => Promise<Message> {
  const pages = createPageTokens(deps);
  return async (request, call) => {
    const { pageSize, pageToken, showDeleted = false, minResourceVersion } = request as ListRequest;
    const { filter, selection, fingerprint } = queryOf(kind, request, call);
    const place = JSON.stringify([fingerprint, showDeleted]);
    const after = pageToken === "" ? "" : pages.read(place, pageToken);
    await reachVersion(deps, minResourceVersion, call.signal);
    await using snapshot = deps.store.snapshot();
    const filters = showDeleted ? [filter, { ...filter, kind: deletedKind(kind) }] : [filter];
    const query = { filters, plan: selection.plan };
    const { rows, next } = await matchingRows(snapshot, query, { after, limit: pageSize || DEFAULT_PAGE });
    const answer = {
      items: rows.map((row) => fromRow(kind, row)),
      nextPageToken: next === undefined ? "" : pages.issue(place, next),
      resourceVersion: String(snapshot.revision),
      resumeToken: createWatchTokens(deps, fingerprint).issue(snapshot.revision),
    };
    return create(call.method.output, answer as never);
  };
}
