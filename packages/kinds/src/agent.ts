import { create } from "@bufbuild/protobuf";
import {
  AgentCommandController,
  AgentQueryController,
  AgentSchema,
  AgentStatusSchema,
} from "@stigmer/contracts/agentic";
import { defineKind } from "@stigmer/resource";

const DEFAULT_MAX_TURNS = 50;

export const agent = defineKind({
  message: AgentSchema,
  services: [AgentCommandController, AgentQueryController],
  defaults: ({ spec }) => {
    if (spec) spec.maxTurns ||= DEFAULT_MAX_TURNS;
  },
  observe: (next, { specDigest }) => {
    next.status = create(AgentStatusSchema, { revision: specDigest });
  },
});
