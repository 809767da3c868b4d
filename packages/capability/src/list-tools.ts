import { create } from "@bufbuild/protobuf";
import { invalid } from "@stigmer/base";
import { type ToolDefinition, ToolsListedSchema } from "@stigmer/contracts/agentic";
import { type ListToolsRequest, type ListToolsResponse, ListToolsResponseSchema } from "@stigmer/contracts/capability";
import type { ExecutionRef, ExecutionState } from "@stigmer/execution";
import type { Call } from "@stigmer/resource";
import { offered } from "./definitions.ts";
import { subAgentTool } from "./delegate.ts";
import type { CapabilityDeps } from "./deps.ts";
import { knownTools } from "./list-server.ts";
import { ownTools } from "./own-tools.ts";
import { useOf } from "./server-use.ts";

const MAX_TOOLS = 1024;
const MAX_NAME = 64;

/** Lists an execution's tools: read from the servers once, and from the journal ever after. */
export async function listTools(
  deps: CapabilityDeps,
  request: ListToolsRequest,
  call: Call,
): Promise<ListToolsResponse> {
  const ref: ExecutionRef = { org: call.org, id: request.executionId };
  const lease = { epoch: Number(request.epoch) };
  const known = await deps.executions.load(ref);
  await deps.executions.requireLease(ref, lease);
  const tools =
    known.tools ?? (await recordTools(deps, { ref, lease, tools: await readTools(deps, ref, known, call.signal) }));
  return create(ListToolsResponseSchema, { tools: [...tools] });
}

type Recording = {
  readonly ref: ExecutionRef;
  readonly lease: { readonly epoch: number };
  readonly tools: readonly ToolDefinition[];
};

async function recordTools(deps: CapabilityDeps, { ref, lease, tools }: Recording): Promise<readonly ToolDefinition[]> {
  return await deps.executions.record(ref, async (state) => {
    const task = await deps.executions.requireLease(ref, lease);
    if (state.tools) return { events: [], answer: state.tools };
    const value = create(ToolsListedSchema, { tools: [...tools] });
    return {
      events: [{ stepKey: "tools", epoch: BigInt(lease.epoch), event: { case: "toolsListed", value } }],
      preconditions: [{ task, epoch: task.epoch, holder: task.holder }],
      answer: tools,
    };
  });
}

async function readTools(
  deps: CapabilityDeps,
  ref: ExecutionRef,
  state: ExecutionState,
  signal: AbortSignal,
): Promise<readonly ToolDefinition[]> {
  const { servers = [], spec } = state.created ?? {};
  const lists = await Promise.all(
    servers.map(async (server) => {
      const tools = await knownTools(deps, useOf(ref.org, state, server), signal);
      return offered(server, tools, spec?.mcpServers.find(({ name }) => name === server.name)?.tools ?? []);
    }),
  );
  const agents = await Promise.all((spec?.subAgents ?? []).map((usage) => subAgentTool(deps, ref.org, usage)));
  const own = ownTools(state);
  const names = new Set(own.map(({ name }) => name));
  const tools = [...lists.flat(), ...agents].map((tool) => ({ ...tool, name: uniqueName(tool, names) })).concat(own);
  if (tools.length > MAX_TOOLS)
    throw invalid([{ field: "spec.mcpServers", description: `offer more than ${MAX_TOOLS} tools together` }]);
  return tools;
}

/** Providers accept letters, digits, underscore and hyphen, at most 64 of them. */
function uniqueName({ server, tool, agent }: ToolDefinition, taken: Set<string>): string {
  const clean = (text: string): string => text.replace(/[^A-Za-z0-9_-]/g, "_");
  const base = `${clean(agent ? "agent" : server)}__${clean(tool)}`.slice(0, MAX_NAME);
  let name = base;
  for (let count = 2; taken.has(name); count++) name = `${base.slice(0, MAX_NAME - 5)}_${count}`;
  taken.add(name);
  return name;
}
