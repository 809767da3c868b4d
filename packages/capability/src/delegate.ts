import { create } from "@bufbuild/protobuf";
import {
  type Agent,
  ExecutionPhase as Phase,
  SubAgentStartedSchema,
  type SubAgentUsage,
  type ToolDefinition,
  ToolDefinitionSchema,
} from "@stigmer/contracts/agentic";
import { type ExecutionState, planSubAgent, requireKind, type StepState, type Verdict } from "@stigmer/execution";
import { type Call, canonicalJson, fromRow, type Json, type Resource, textDigest } from "@stigmer/resource";
import type { AskedCall } from "./asked-call.ts";
import type { CapabilityDeps } from "./deps.ts";
import { waits } from "./waits.ts";

const SCHEMA = {
  type: "object",
  properties: { message: { type: "string", minLength: 1, description: "What the agent is to do, in full." } },
  required: ["message"],
};

/** The tool by which an agent sets another to work. */
export async function subAgentTool(
  { resources }: CapabilityDeps,
  org: string,
  usage: SubAgentUsage,
): Promise<ToolDefinition> {
  const kind = requireKind(resources.kinds, "Agent");
  const row = await resources.store.getByName({ tenant: org, kind: kind.options.kind, name: usage.agent });
  const agent = row && (fromRow(kind, row) as Resource & Agent);
  const about = usage.description || agent?.spec?.description || `The agent "${usage.agent}".`;
  const said = { agent: usage.agent, tool: usage.agent, description: about, inputSchema: JSON.stringify(SCHEMA) };
  return create(ToolDefinitionSchema, { ...said, digest: textDigest(canonicalJson(said)) });
}

type Delegating = {
  readonly asked: AskedCall;
  readonly state: ExecutionState;
  readonly step: StepState | undefined;
  readonly agent: string;
  readonly value: Record<string, Json>;
  readonly call: Call;
};

/** The sub-agent's execution, the intent and the end of the lease are one commit; its end is the outcome of the step. */
export async function delegate(deps: CapabilityDeps, of: Delegating): Promise<Verdict> {
  const { asked, state, step, agent, value, call } = of;
  if (step?.child) return waits(state);
  const about = {
    ref: asked,
    state,
    agent,
    message: String(value.message),
    stepKey: asked.stepKey,
    callId: asked.call.id,
  };
  const { id, batch, preconditions } = await planSubAgent(deps, about, call);
  const started = create(SubAgentStartedSchema, {
    ...{ requestDigest: asked.digestBytes, call: asked.call, agent, executionId: id },
  });
  const at = { stepKey: asked.stepKey, epoch: BigInt(asked.epoch), attempt: (step?.attempt ?? 0) + 1 };
  return {
    ...{ kind: "park", approvalId: "", phase: Phase.RUNNING, batch, preconditions },
    events: [{ ...at, event: { case: "subAgentStarted", value: started } }],
    afterCommit: () => deps.leases.wake(batch.tasks),
  };
}
