import { invalid, notFound } from "@stigmer/base";
import type { AgentExecution, ForkAgentExecutionRequest } from "@stigmer/contracts/agentic";
import type { Call, Plan } from "@stigmer/resource";
import { type ExecutionRef, streamKey } from "./execution-ref.ts";
import { type PinnedAgent, pinAgent } from "./pin-agent.ts";
import { newSession, requireRoom, type StartDeps, startExecution } from "./start-execution.ts";
import { handedOn } from "./start-variables.ts";
import type { ExecutionState } from "./state.ts";
import { inheritedState } from "./states.ts";

/** A new execution that goes on from where another was at a sequence. The other stays as it is. */
export async function planFork(
  deps: StartDeps,
  request: ForkAgentExecutionRequest,
  call: Call,
): Promise<Plan<AgentExecution>> {
  requireRoom(deps, 1);
  const ref = { org: call.org, id: request.id };
  const { sequence: head } = await deps.executions.load(ref);
  const sequence = Number(request.sequence) || head;
  if (sequence > head) {
    throw invalid([{ field: "sequence", description: `is beyond the newest entry of the journal, ${head}` }]);
  }
  const shared = await deps.executions.at(ref, sequence);
  const { created } = shared;
  if (!created?.spec) throw notFound("RESOURCE_NOT_FOUND", { kind: "Execution", name: ref.id });
  refuseLateChanges(request, shared);
  const agent = await agentOf(deps, request, { shared, org: call.org });
  const { workspace, previousExecutionId } = created;
  const planApproved = created.planFirst && !shared.status.planMode;
  const { environments, values } = await handedOn(deps, ref, created, {
    secrets: created.requestedBy === call.caller.subject && agent.name === created.agent,
  });
  const session = { agent: agent.name, workspace, agentRevision: agent.revision, environments };
  const bound = await newSession(deps, session, call);
  const start = await startExecution(deps, call, {
    ...{ bound, agent, metadata: undefined },
    spec: {
      message: request.message || created.message,
      model: request.model || created.model,
      attachments: created.attachments,
      values,
    },
    outer: created.limits,
    created: {
      previousExecutionId,
      history: created.history,
      fork: { executionId: ref.id, sequence: BigInt(sequence), planApproved },
      planFirst: created.planFirst || (request.agent !== "" && agent.spec.planFirst),
    },
    fork: { prevHash: await hashAt(deps, ref, sequence), inherited: inheritedFor(request, shared) },
  });
  const { execution: answer, id: resource, batch, preconditions } = start;
  return { answer, resource, batch, preconditions, afterCommit: () => deps.leases.wake(batch.tasks) };
}

/** Message and instructions stand in the first model call: with another one, what follows it would be somebody else's. */
function refuseLateChanges({ message, agent }: ForkAgentExecutionRequest, { conversation }: ExecutionState): void {
  if (conversation.hashes.length === 0) return;
  const description = "can only change before the first model call; fork at an earlier sequence";
  const changed = Object.entries({ message, agent }).filter(([, value]) => value !== "");
  if (changed.length > 0) throw invalid(changed.map(([field]) => ({ field, description })));
}

async function agentOf(
  deps: StartDeps,
  request: ForkAgentExecutionRequest,
  { shared, org }: { readonly shared: ExecutionState; readonly org: string },
): Promise<PinnedAgent> {
  const { created } = shared;
  if (request.agent) return await pinAgent(deps.resources, { org, name: request.agent, revision: "" });
  if (!created?.spec) throw new Error(`the journal of execution ${shared.id} does not begin with its creation`);
  const { agent: name, agentRevision: revision, spec, servers, skills } = created;
  return { name, spec, revision, servers, skills };
}

function inheritedFor({ agent }: ForkAgentExecutionRequest, shared: ExecutionState): ExecutionState {
  const inherited = inheritedState("", shared);
  return agent ? { ...inherited, tools: undefined } : inherited;
}

async function hashAt(deps: StartDeps, ref: ExecutionRef, sequence: number): Promise<Uint8Array> {
  const [entry] = await deps.resources.store.read(streamKey(ref), { from: sequence, limit: 1 });
  if (!entry) throw notFound("RESOURCE_NOT_FOUND", { kind: "Execution", name: ref.id });
  return entry.hash;
}
