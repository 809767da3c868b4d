import { create } from "@bufbuild/protobuf";
import { invalid } from "@stigmer/base";
import {
  AgentCommandController,
  AgentQueryController,
  AgentSchema,
  AgentStatusSchema,
} from "@stigmer/contracts/agentic";
import { defineKind } from "@stigmer/resource";
import { schemaProblem } from "./output-schema/output-schema.ts";

const DEFAULT_MAX_TURNS = 50;

export const agent = defineKind({
  message: AgentSchema,
  services: [AgentCommandController, AgentQueryController],
  defaults: ({ spec }) => {
    if (spec) spec.maxTurns ||= DEFAULT_MAX_TURNS;
  },
  check: ({ spec }) => {
    const description = spec?.output ? schemaProblem(spec.output.schema) : undefined;
    if (description) throw invalid([{ field: "spec.output.schema", description }]);
  },
  observe: (next, { specDigest }) => {
    next.status = create(AgentStatusSchema, { revision: specDigest });
  },
});
