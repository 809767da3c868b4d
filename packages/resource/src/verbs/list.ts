import { create, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import type { Call } from "../call.ts";
import type { Kind } from "../kind.ts";
import type { PipelineDeps } from "../pipeline.ts";
import { itemsBytes, rowBytes } from "../row-bytes.ts";
import { deletedKind, shownRow } from "../stored.ts";
import { createPageTokens, createWatchTokens } from "../tokens.ts";
import type { Read } from "./get.ts";
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
export function listVerb(
  deps: ListDeps,
  { kind, output }: { readonly kind: Kind; readonly output: DescMessage },
): Read {
  const pages = createPageTokens(deps);
  const itemsField = output.fields.find(({ name }) => name === "items")?.number ?? 1;
  const read = async (request: Message, call: Call) => {
    const { pageSize, pageToken, showDeleted = false, minResourceVersion } = request as ListRequest;
    const { filter, selection, fingerprint } = queryOf(kind, request, call);
    const place = JSON.stringify([fingerprint, showDeleted]);
    const after = pageToken === "" ? "" : pages.read(place, pageToken);
    await reachVersion(deps, minResourceVersion, call.signal);
    await using snapshot = deps.store.snapshot();
    const filters = showDeleted ? [filter, { ...filter, kind: deletedKind(kind) }] : [filter];
    const query = { filters, plan: selection.plan };
    const { rows, next } = await matchingRows(snapshot, query, { after, limit: pageSize || DEFAULT_PAGE });
    const position = {
      nextPageToken: next === undefined ? "" : pages.issue(place, next),
      resourceVersion: String(snapshot.revision),
      resumeToken: createWatchTokens(deps, fingerprint).issue(snapshot.revision),
    };
    return { rows, position };
  };
  return {
    async run(request, call) {
      const { rows, position } = await read(request, call);
      return create(output, { items: rows.map((row) => shownRow(kind, row)), ...position } as never);
    },
    async encoded(request, call) {
      const { rows, position } = await read(request, call);
      const items = rows.map((row) => rowBytes(kind, row));
      return Buffer.concat([itemsBytes(itemsField, items), toBinary(output, create(output, position as never))]);
    },
  };
}
