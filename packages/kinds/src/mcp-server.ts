import { create } from "@bufbuild/protobuf";
import {
  type McpServer,
  McpServerCommandController,
  McpServerQueryController,
  McpServerSchema,
  type McpServerStatus,
  McpServerStatusSchema,
} from "@stigmer/contracts/agentic";
import { defineKind } from "@stigmer/resource";

export const mcpServer = defineKind({
  message: McpServerSchema,
  services: [McpServerCommandController, McpServerQueryController],
  observe: (next, { specDigest }) => {
    next.status = create(McpServerStatusSchema, {
      acceptedTools: next.status?.acceptedTools ?? [],
      changedTools: next.status?.changedTools ?? [],
      revision: specDigest,
      ...signedIn(next),
    });
  },
});

/** A sign-in is to a URL: it does not outlive a change of it. */
function signedIn({ spec, status }: McpServer): Pick<McpServerStatus, "signIn"> | undefined {
  const url = spec?.transport.case === "http" ? spec.transport.value.url : undefined;
  return status?.signIn?.url === url && status?.signIn ? { signIn: status.signIn } : undefined;
}
