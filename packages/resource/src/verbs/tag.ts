import type { Message } from "@bufbuild/protobuf";
import { invalid } from "@stigmer/base";
import type { Call } from "../call.ts";
import type { Kind } from "../kind.ts";
import type { Pipeline, PipelineDeps } from "../pipeline.ts";
import { atRevision, tagRow } from "../revisions.ts";
import { fromRow } from "../stored.ts";
import type { Verb } from "./commands.ts";
import { requireById } from "./objects.ts";

type TagRequest = Message & { readonly id: string; readonly tag: string; readonly revision: string };

/** Gives a revision a name; a name that another revision has moves. */
export function tagVerb(deps: PipelineDeps, pipeline: Pipeline, kind: Kind): Verb {
  return (request, call) => pipeline.command(request, call, () => planTag(deps, kind, request as TagRequest, call));
}

async function planTag(deps: PipelineDeps, kind: Kind, { id, tag, revision }: TagRequest, call: Call) {
  if (/^sha256:/.test(tag)) throw invalid([{ field: "tag", description: "is a digest" }]);
  const row = await requireById(deps.store, kind, { org: call.org, id });
  const found = await atRevision({ read: deps.store, keys: deps.keys }, kind, { row, revision });
  return {
    batch: { puts: [tagRow(kind, row, { name: tag, digest: found.digest })] },
    // The spec that is tagged must not have moved away unkept; deleted meanwhile, it can't be tagged.
    preconditions: [{ row, version: row.version }],
    answer: fromRow(kind, found.row),
    resource: row.id,
  };
}
