import { ToolController } from "@stigmer/contracts/capability";
import { type Handler, serverStream, unary } from "@stigmer/resource";
import { callTool } from "./call-tool.ts";
import type { CapabilityDeps } from "./deps.ts";
import { listTools } from "./list-tools.ts";
import { personToolHandlers } from "./person-tools.ts";
import { signInHandlers } from "./sign-in-handlers.ts";

export function capabilityHandlers(deps: CapabilityDeps): readonly Handler[] {
  return [
    unary(ToolController.method.list, (request, call) => listTools(deps, request, call)),
    serverStream(ToolController.method.call, (request, call) => callTool(deps, request, call)),
    ...personToolHandlers(deps),
    ...signInHandlers(deps),
  ];
}
