import { create } from "@bufbuild/protobuf";
import { ToolResultSchema } from "@stigmer/contracts/agentic";
import type { Verdict } from "@stigmer/execution";
import type { AskedCall } from "./asked-call.ts";
import { finished } from "./dispatch.ts";

/** The model is told something instead of what a tool would answer: the outcome of the step, and there is nothing to do. */
export function refuse(asked: AskedCall, content: string, isError = true): Extract<Verdict, { kind: "settle" }> {
  const result = create(ToolResultSchema, { callId: asked.call.id, content, isError });
  return { kind: "settle", outcome: finished(asked, result, 0) };
}
