import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  ApprovalCause,
  ApprovalRequestedSchema,
  ApprovalSchema,
  ApprovalSpecSchema,
  ApprovalStatusSchema,
  ExecutionPhase as Phase,
  type ToolDefinition,
} from "@stigmer/contracts/agentic";
import { type ExecutionState, type NewEvent, requireKind, type Verdict } from "@stigmer/execution";
import { canonicalJson, type Json, textDigest, toRow } from "@stigmer/resource";
import type { AskedCall } from "./asked-call.ts";
import type { CapabilityDeps } from "./deps.ts";

/** What an approval is bound to: the answer to one question is no answer to another. */
export function approvalDigest(of: {
  readonly asked: AskedCall;
  readonly tool: ToolDefinition;
  readonly state: ExecutionState;
  readonly value: Record<string, Json>;
}): string {
  const { agentRevision = "", requestedBy = "" } = of.state.created ?? {};
  const call = { execution: of.asked.id, step: of.asked.stepKey, tool: of.tool.name, arguments: of.value };
  return textDigest(canonicalJson({ ...call, definition: of.tool.digest, agentRevision, requestedBy }));
}

type Question = {
  readonly asked: AskedCall;
  readonly tool: ToolDefinition;
  readonly digest: string;
  readonly value: Record<string, Json>;
  readonly uncertain: boolean;
};

/** The approval, its place in the journal and the end of the lease are one commit. */
export function askPerson(deps: CapabilityDeps, { asked, tool, digest, value, uncertain }: Question): Verdict {
  const kind = requireKind(deps.kinds, "Approval");
  const approvalId = deps.ids.mint(kind.options.idPrefix);
  const spec = create(ApprovalSpecSchema, {
    ...{
      executionId: asked.id,
      stepKey: asked.stepKey,
      tool: tool.tool,
      server: tool.server,
      arguments: JSON.stringify(value),
    },
    ...{ cause: uncertain ? ApprovalCause.UNCERTAIN : ApprovalCause.POLICY, definitionDigest: tool.digest, digest },
    toolDescription: tool.description,
  });
  const now = timestampFromMs(deps.clock.now());
  const name = approvalId.toLowerCase().replace("_", "-");
  const metadata = {
    id: approvalId,
    name,
    org: asked.org,
    generation: 1n,
    createTime: now,
    updateTime: now,
    createdBy: "system",
  };
  const approval = create(ApprovalSchema, {
    apiVersion: kind.apiVersion,
    kind: "Approval",
    metadata,
    spec,
    status: create(ApprovalStatusSchema),
  });
  const at = { stepKey: asked.stepKey, epoch: BigInt(asked.epoch) };
  const events: NewEvent[] = [
    { ...at, event: { case: "approvalRequested", value: create(ApprovalRequestedSchema, { approvalId, spec }) } },
    { ...at, event: { case: "phaseChanged", value: { phase: Phase.WAITING_FOR_APPROVAL } } },
  ];
  return {
    kind: "park",
    approvalId,
    decision: { events, batch: { puts: [toRow(kind, asked.org, approval)] } },
  };
}
