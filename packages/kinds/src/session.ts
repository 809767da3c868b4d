import { isAbsolute } from "node:path";
import { create } from "@bufbuild/protobuf";
import { invalid, isFault } from "@stigmer/base";
import {
  type Session,
  SessionCommandController,
  SessionQueryController,
  SessionSchema,
  SessionStatusSchema,
} from "@stigmer/contracts/agentic";
import { atRevision, defineKind, type HookContext } from "@stigmer/resource";
import { agent } from "./agent.ts";

export const session = defineKind({
  message: SessionSchema,
  services: [SessionCommandController, SessionQueryController],
  check: ({ spec }) => {
    if (spec?.workspace && !isAbsolute(spec.workspace)) {
      throw invalid([{ field: "spec.workspace", description: "must be an absolute path" }]);
    }
  },
  observe: async (next, context) => {
    if (context.previous) return; // it stays with what it began with
    next.status = create(SessionStatusSchema, { agentRevision: await revisionOf(next, context) });
  },
});

/** Digest of the agent's revision that the session is made with. */
async function revisionOf({ metadata, spec }: Session, { read, keys }: HookContext): Promise<string> {
  const at = { tenant: metadata?.org ?? "", kind: agent.options.kind, name: spec?.agent ?? "" };
  const row = await read.getByName(at);
  if (!row) return "";
  try {
    return (await atRevision({ read, keys }, agent, { row, revision: spec?.agentRevision ?? "" })).digest;
  } catch (error) {
    if (!isFault(error, "RESOURCE_NOT_FOUND")) throw error;
    throw invalid([{ field: "spec.agentRevision", description: error.message }], "REFERENCE_NOT_FOUND");
  }
}
