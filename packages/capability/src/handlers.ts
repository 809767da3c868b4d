import type { Clock, IdSource } from "@stigmer/base";
import { ToolController } from "@stigmer/contracts/capability";
import type { Executions, LiveSteps, Runners, Steps } from "@stigmer/execution";
import { type Handler, type Kinds, serverStream, unary } from "@stigmer/resource";
import type { Store } from "@stigmer/store";
import { callTool } from "./call-tool.ts";
import { listTools } from "./list-tools.ts";

export type CapabilityDeps = {
  readonly store: Store;
  readonly kinds: Kinds;
  readonly executions: Executions;
  readonly steps: Steps;
  readonly live: LiveSteps;
  readonly runners: Runners;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Until when, in monotonic milliseconds, runners may still be on their way back after a start. */
  readonly returnBy: number;
};

export function capabilityHandlers(deps: CapabilityDeps): readonly Handler[] {
  return [
    unary(ToolController.method.list, (request, call) => listTools(deps, request, call)),
    serverStream(ToolController.method.call, (request, call) => callTool(deps, request, call)),
  ];
}
