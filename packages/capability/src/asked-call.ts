import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type ToolCall, ToolCallSchema } from "@stigmer/contracts/agentic";
import type { CallToolRequest } from "@stigmer/contracts/capability";
import type { StepRequest } from "@stigmer/execution";
import type { Call } from "@stigmer/resource";

/** One call of a tool, as the runner asks for it. */
export type AskedCall = StepRequest & { readonly call: ToolCall; readonly digestBytes: Uint8Array<ArrayBuffer> };

export function askedCall(request: CallToolRequest, { org }: Call): AskedCall {
  const call = request.call ?? create(ToolCallSchema);
  const digestBytes = new Uint8Array(
    createHash("sha256")
      .update(JSON.stringify([call.id, call.name, call.arguments]))
      .digest(),
  );
  const digest = Buffer.from(digestBytes).toString("hex");
  return {
    org,
    id: request.executionId,
    epoch: Number(request.epoch),
    stepKey: request.stepKey,
    call,
    digest,
    digestBytes,
  };
}
