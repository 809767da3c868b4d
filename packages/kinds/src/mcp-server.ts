import { create, equals } from "@bufbuild/protobuf";
import {
  type McpServer,
  McpServerCommandController,
  McpServerQueryController,
  McpServerSchema,
  McpServerSpecSchema,
  type McpServerStatus,
  McpServerStatusSchema,
} from "@stigmer/contracts/agentic";
import { defineKind } from "@stigmer/resource";

export const mcpServer = defineKind({
  message: McpServerSchema,
  services: [McpServerCommandController, McpServerQueryController],
  observe: (next, { previous, specDigest }) => {
    const isSame = isSameServer(next, previous as McpServer | undefined);
    next.status = create(McpServerStatusSchema, {
      ...(isSame && { acceptedTools: next.status?.acceptedTools ?? [], changedTools: next.status?.changedTools ?? [] }),
      revision: specDigest,
      ...signedIn(next),
      ...(next.status?.signOut && { signOut: next.status.signOut }),
    });
  },
});

/** What a person accepted are tools of one program or URL: another one that describes itself alike is not accepted. */
function isSameServer({ spec }: McpServer, previous: McpServer | undefined): boolean {
  const reached = (one: McpServer["spec"]) => create(McpServerSpecSchema, one && { transport: one.transport });
  return previous !== undefined && equals(McpServerSpecSchema, reached(spec), reached(previous.spec));
}

/** A sign-in is to a URL: it does not outlive a change of it. */
function signedIn({ spec, status }: McpServer): Pick<McpServerStatus, "signIn"> | undefined {
  const url = spec?.transport.case === "http" ? spec.transport.value.url : undefined;
  return status?.signIn?.url === url && status?.signIn ? { signIn: status.signIn } : undefined;
}
