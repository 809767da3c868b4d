import type { ToolDefinition } from "@stigmer/contracts/agentic";
import type { ExecutionState, StepState } from "@stigmer/execution";
import type { Json } from "@stigmer/resource";
import type { AskedCall } from "./asked-call.ts";

/** A call of one of the backend's own tools. */
export type OwnCall = {
  readonly asked: AskedCall;
  readonly state: ExecutionState;
  readonly step: StepState | undefined;
  readonly tool: ToolDefinition;
  /** The arguments, which fit the tool's schema. */
  readonly value: Record<string, Json>;
};
