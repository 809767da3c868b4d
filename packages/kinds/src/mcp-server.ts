import { create } from "@bufbuild/protobuf";
import {
  McpServerCommandController,
  McpServerQueryController,
  McpServerSchema,
  McpServerStatusSchema,
} from "@stigmer/contracts/agentic";
import { defineKind } from "@stigmer/resource";

export const mcpServer = defineKind({
  message: McpServerSchema,
  services: [McpServerCommandController, McpServerQueryController],
  observe: (next, { specDigest }) => {
    next.status = create(McpServerStatusSchema, {
      acceptedTools: next.status?.acceptedTools ?? [],
      revision: specDigest,
    });
  },
});
