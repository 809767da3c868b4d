import { create } from "@bufbuild/protobuf";
import { exhausted } from "@stigmer/base";
import { type AgentSpec, AgentSpecSchema, type McpServerUsage, McpServerUsageSchema } from "@stigmer/contracts/agentic";
import type { Call } from "@stigmer/resource";
import type { ExecutionRef } from "./execution-ref.ts";
import { type PinnedAgent, pinAgent } from "./pin-agent.ts";
import { newSession, type Start, type StartDeps, startExecution } from "./start-execution.ts";
import { handedOn } from "./start-variables.ts";
import type { ExecutionState } from "./state.ts";

/** Sub-agents above one another, at most. */
const MOST_DEEP = 3;

/** What a sub-agent is asked to do, and the step that waits for it. */
export type Delegation = {
  readonly ref: ExecutionRef;
  readonly state: ExecutionState;
  readonly agent: string;
  readonly message: string;
  readonly stepKey: string;
  readonly callId: string;
};

/** The execution of a sub-agent, with no tool that whoever asks has not. The commit that starts it parks whoever asks. */
export async function planSubAgent(deps: StartDeps, of: Delegation, call: Call): Promise<Start> {
  const { created } = of.state;
  if (!created?.spec) throw new Error(`the journal of execution ${of.ref.id} does not begin with its creation`);
  const depth = (created.parent?.depth ?? 0) + 1;
  if (depth > MOST_DEEP) {
    const message = `sub-agents may stand ${MOST_DEEP} deep at most`;
    throw exhausted("LIMIT_REACHED", { limit: "depth of sub-agents" }, { message });
  }
  const asker = { ...call, caller: { ...call.caller, subject: created.requestedBy } };
  const pinned = await pinAgent(deps.resources, { org: call.org, name: of.agent, revision: "" });
  const agent = narrowed(pinned, { spec: created.spec, servers: created.servers, isLast: depth === MOST_DEEP });
  const { workspace } = created;
  const { planMode } = of.state.status;
  const { environments, values } = await handedOn(deps, of.ref, created);
  const session = { agent: agent.name, workspace, agentRevision: agent.revision, environments };
  const bound = await newSession(deps, session, asker);
  return await startExecution(deps, asker, {
    ...{ bound, agent, metadata: undefined },
    spec: { message: of.message, model: agent.spec.model || created.model, values },
    outer: created.limits,
    created: {
      parent: {
        ...{ executionId: of.ref.id, stepKey: of.stepKey, callId: of.callId, depth },
        rootExecutionId: created.parent?.rootExecutionId || of.ref.id,
        planMode,
      },
      planFirst: planMode || agent.spec.planFirst,
    },
  });
}

type Asker = {
  readonly spec: AgentSpec;
  readonly servers: PinnedAgent["servers"];
  readonly isLast: boolean;
};

/** The agent without what whoever asks may not use. Nobody is at hand for a sub-agent's questions. */
function narrowed(agent: PinnedAgent, asker: Asker): PinnedAgent {
  const mcpServers = agent.spec.mcpServers.flatMap((usage) => narrowedUsage(usage, asker.spec));
  const servers = asker.servers.filter(({ name }) => mcpServers.some((usage) => usage.name === name));
  const subAgents = asker.isLast ? [] : agent.spec.subAgents;
  const fallbackModels = agent.spec.model ? agent.spec.fallbackModels : asker.spec.fallbackModels;
  const spec = create(AgentSpecSchema, { ...agent.spec, mcpServers, subAgents, fallbackModels, askUser: false });
  return { ...agent, servers, spec };
}

/** Tools that both may use; an empty list stands for all. */
function narrowedUsage({ name, tools }: McpServerUsage, { mcpServers }: AgentSpec): McpServerUsage[] {
  const outer = mcpServers.find((usage) => usage.name === name);
  if (!outer) return [];
  if (outer.tools.length === 0) return [create(McpServerUsageSchema, { name, tools })];
  const both = tools.length === 0 ? outer.tools : outer.tools.filter((tool) => tools.includes(tool));
  return both.length === 0 ? [] : [create(McpServerUsageSchema, { name, tools: both })];
}
