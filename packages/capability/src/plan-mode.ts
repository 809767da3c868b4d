import type { ToolDefinition } from "@stigmer/contracts/agentic";
import type { ExecutionState } from "@stigmer/execution";
import { effectsOf } from "./policy.ts";

/** What the model is told of a call that plan mode does not allow. */
export const BARRED =
  "refused: in plan mode only tools that read are called; submit your plan, and do this once a person has approved it";

/**
 * Whether plan mode keeps a tool from being called: it does not even say of itself that it only reads. Where it says so and
 * nobody has accepted that yet, a person is asked as about any other call.
 */
export function isBarred({ status }: ExecutionState, tool: Pick<ToolDefinition, "annotations">): boolean {
  return status.planMode && !effectsOf(tool, true).readOnly;
}
