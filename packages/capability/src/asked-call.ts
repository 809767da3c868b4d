import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type ToolCall, ToolCallSchema } from "@stigmer/contracts/agentic";
import { type CallToolRequest, type PlannedCall, PlannedCallSchema } from "@stigmer/contracts/capability";
import type { StepRequest } from "@stigmer/execution";
import type { Call } from "@stigmer/resource";
import type { CapabilityDeps } from "./deps.ts";

/** One call of a tool, as the runner asks for it. */
export type AskedCall = StepRequest & {
  /** The call as it is judged, shown and recorded: secrets in it are masked. */
  readonly call: ToolCall;
  /** The arguments as they were asked for, which the tool gets. Never to be recorded. */
  readonly said: string;
  /** Calls that are to come after it, masked too. */
  readonly planned: readonly PlannedCall[];
  readonly digestBytes: Uint8Array<ArrayBuffer>;
};

export async function askedCall(
  { executions }: CapabilityDeps,
  request: CallToolRequest,
  { org }: Call,
): Promise<AskedCall> {
  const ref = { org, id: request.executionId };
  const { redaction } = executions;
  await redaction.ready(ref, (await executions.load(ref)).created);
  const asked = request.call ?? create(ToolCallSchema);
  const call = redaction.message(ToolCallSchema, asked);
  // The masked form is the same on every attempt, and tells nobody what is masked.
  const digestBytes = new Uint8Array(
    createHash("sha256")
      .update(JSON.stringify([call.id, call.name, call.arguments]))
      .digest(),
  );
  return {
    ...ref,
    epoch: Number(request.epoch),
    stepKey: request.stepKey,
    call,
    said: asked.arguments,
    planned: request.planned.map((one) => redaction.message(PlannedCallSchema, one)),
    digest: Buffer.from(digestBytes).toString("hex"),
    digestBytes,
  };
}
