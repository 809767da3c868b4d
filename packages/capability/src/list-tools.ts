import { create } from "@bufbuild/protobuf";
import { Fault, invalid } from "@stigmer/base";
import {
  type PinnedServer,
  type ToolDefinition,
  ToolDefinitionSchema,
  ToolsListedSchema,
} from "@stigmer/contracts/agentic";
import { type ListToolsRequest, type ListToolsResponse, ListToolsResponseSchema } from "@stigmer/contracts/capability";
import { type ExecutionRef, type ExecutionState, startServer } from "@stigmer/execution";
import { type Call, canonicalJson, textDigest } from "@stigmer/resource";
import { askUserTool } from "./ask-user.ts";
import { subAgentTool } from "./delegate.ts";
import type { CapabilityDeps } from "./deps.ts";

const RUNNER_WAIT_MS = 15_000;
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
  const lists = await Promise.all(servers.map((server) => readServer(deps, { ref, state, server, signal })));
  const agents = await Promise.all((spec?.subAgents ?? []).map((usage) => subAgentTool(deps, ref.org, usage)));
  const own = spec?.askUser ? [askUserTool()] : [];
  const names = new Set(own.map(({ name }) => name));
  const tools = [...lists.flat(), ...agents].map((tool) => ({ ...tool, name: uniqueName(tool, names) })).concat(own);
  if (tools.length > MAX_TOOLS)
    throw invalid([{ field: "spec.mcpServers", description: `offer more than ${MAX_TOOLS} tools together` }]);
  return tools;
}

type Reading = {
  readonly ref: ExecutionRef;
  readonly state: ExecutionState;
  readonly server: PinnedServer;
  readonly signal: AbortSignal;
};

async function readServer(deps: CapabilityDeps, { ref, state, server, signal }: Reading): Promise<ToolDefinition[]> {
  const { sessionId = "", workspace = "", spec } = state.created ?? {};
  const connection = await deps.runners.hostingTools({ org: ref.org, affinity: "", waitMs: RUNNER_WAIT_MS, signal });
  const request = {
    sessionId,
    name: server.name,
    revision: server.revision,
    workspace,
    ...(server.spec && { spec: server.spec }),
  };
  const started = await startServer(deps.runners, connection, request, signal);
  if (started.error) {
    const message = `the MCP server "${server.name}" could not be started: ${started.error.message}`;
    throw new Fault("precondition", "TOOL_SERVER_FAILED", { server: server.name }, { message });
  }
  const allowed = new Set(spec?.mcpServers.find(({ name }) => name === server.name)?.tools ?? []);
  const offered = started.tools.map((tool) => define(server.name, tool));
  const missing = [...allowed].filter((name) => !offered.some(({ tool }) => tool === name));
  if (missing.length > 0) {
    const message = `the MCP server "${server.name}" has no tool ${missing.map((name) => JSON.stringify(name)).join(", ")}`;
    throw new Fault("precondition", "TOOL_NOT_FOUND", { server: server.name }, { message });
  }
  return offered.filter(({ tool }) => allowed.size === 0 || allowed.has(tool));
}

/** A definition is what a person accepts: its digest covers everything that the server says of the tool. */
function define(server: string, said: ToolDefinition): ToolDefinition {
  const { tool, description, inputSchema, annotations } = said;
  const digest = textDigest(canonicalJson({ server, tool, description, inputSchema, annotations }));
  return create(ToolDefinitionSchema, { server, tool, description, inputSchema, annotations, digest });
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
