import { createHash, randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { exhausted, Fault, invalid, isFault, unavailable } from "@stigmer/base";
import {
  type CallMcpServerToolRequest,
  type CallMcpServerToolResponse,
  CallMcpServerToolResponseSchema,
  type ListMcpServerToolsRequest,
  type McpServer,
  McpServerCommandController,
  McpServerQueryController,
  McpServerToolListSchema,
  McpServerToolSchema,
  type PinnedServer,
  PinnedServerSchema,
  RunningCallSchema,
  StartServerSchema,
  type ToolCallEnded,
  type ToolDefinition,
} from "@stigmer/contracts/agentic";
import { type Connection, endOfCall, requireKind, sendCall, sendTo } from "@stigmer/execution";
import { type Call, fromRow, type Handler, type Resource, requireById, serverStream, unary } from "@stigmer/resource";
import { checkArguments } from "./arguments.ts";
import { isOffered } from "./definitions.ts";
import type { CapabilityDeps } from "./deps.ts";
import { acknowledge, timeoutOf } from "./dispatch.ts";
import { listedTools } from "./list-server.ts";
import { isAccepted, isChanged } from "./note-changes.ts";
import { SCOPE_MISSING, scopeMissing } from "./scope-missing.ts";
import { type ServerUse, signedStart } from "./server-use.ts";
import { signInRequired } from "./sign-ins.ts";

/** Servers that run for persons at once. */
const MOST_IN_USE = 16;

type PersonDeps = CapabilityDeps & { readonly inUse: { count: number } };

/** What a person does with an MCP server, outside of any execution. */
export function personToolHandlers(backend: CapabilityDeps): readonly Handler[] {
  const deps: PersonDeps = { ...backend, inUse: { count: 0 } };
  const calling = new Map<string, Promise<CallMcpServerToolResponse>>();
  return [
    unary(McpServerCommandController.method.listTools, (request, call) => listTools(deps, request, call)),
    unary(McpServerCommandController.method.callTool, (request, call) => callTool(deps, { request, call, calling })),
    serverStream(McpServerQueryController.method.logs, async function* ({ id, follow, tail }, { org, signal }) {
      const { metadata } = await serverOf(deps, org, id);
      yield* deps.serverLogs.read({ org, name: metadata?.name ?? "", tail, follow, signal });
    }),
  ];
}

async function listTools(deps: PersonDeps, request: ListMcpServerToolsRequest, call: Call) {
  const unkeyed = { ...call, idempotencyKey: undefined }; // asked again, it is read again
  return await deps.pipeline.command(request, unkeyed, async () => {
    const server = await serverOf(deps, call.org, request.id);
    const tools = await using(deps, { server, request, call }, async ({ tools }) => tools);
    const { status, spec } = await serverOf(deps, call.org, request.id);
    const shown = tools.map(({ tool: name, description, inputSchema, annotations, digest }) =>
      create(McpServerToolSchema, {
        ...{ name, description, inputSchema, annotations, digest, offered: isOffered(spec, name) },
        ...{ accepted: isAccepted(status, { tool: name, digest }), changed: isChanged(status, { tool: name, digest }) },
      }),
    );
    return { batch: {}, answer: create(McpServerToolListSchema, { tools: shown }), resource: request.id };
  });
}

type Calling = {
  readonly request: CallMcpServerToolRequest;
  readonly call: Call;
  /** Calls under way, by idempotency key: asked again meanwhile, nothing is called twice. */
  readonly calling: Map<string, Promise<CallMcpServerToolResponse>>;
};

async function callTool(deps: PersonDeps, { request, call, calling }: Calling): Promise<CallMcpServerToolResponse> {
  const key = JSON.stringify([call.org, call.idempotencyKey ?? randomUUID()]);
  return await deps.pipeline.command(request, call, async () => {
    const made = calling.get(key) ?? makeCall(deps, request, call);
    calling.set(key, made);
    try {
      return { batch: {}, answer: await made, resource: request.id };
    } finally {
      calling.delete(key);
    }
  });
}

const INTENT_LIFETIME_MS = 24 * 60 * 60 * 1000;

/** The intent is stored before the effect: a call that was begun under the same key, and whose answer was lost, is not made again. */
async function noteIntent({ resources }: CapabilityDeps, { org: tenant, idempotencyKey }: Call): Promise<void> {
  if (!idempotencyKey) return;
  const key = createHash("sha256").update(`call/${idempotencyKey}`).digest("hex");
  const expiresAt = resources.clock.now() + INTENT_LIFETIME_MS;
  const intent = { tenant, key, digest: new Uint8Array(), bytes: new Uint8Array(), expiresAt };
  try {
    await resources.store.commit({ answers: [intent] }, [{ noAnswer: { tenant, key } }]);
  } catch (error) {
    if (!isFault(error, "VERSION_MOVED")) throw error;
    const message = "this call was begun before, and its answer was lost: it may have had its effect";
    throw new Fault("precondition", "TOOL_SERVER_FAILED", {}, { message });
  }
}

async function makeCall(
  deps: PersonDeps,
  request: CallMcpServerToolRequest,
  call: Call,
): Promise<CallMcpServerToolResponse> {
  const server = await serverOf(deps, call.org, request.id);
  const ended = await using(deps, { server, request, call }, async (started) => {
    const tool = started.tools.find((one) => one.tool === request.tool);
    if (!tool) throw noSuchTool(started.use.server.name, request.tool);
    const checked = checkArguments(request.arguments, tool.inputSchema);
    if (!checked.ok) throw invalid([{ field: "arguments", description: checked.problem }]);
    await noteIntent(deps, call);
    return await send(deps, started, { tool, request, call });
  });
  if (!ended.result) throw await callFailed(deps, { server, org: call.org, ended });
  const { content, isError, attachments } = ended.result;
  const files = attachments.map(({ name, mediaType, digest, size }) => ({ name, mediaType, digest, size }));
  return create(CallMcpServerToolResponseSchema, { content, isError, files });
}

type Started = { readonly use: ServerUse; readonly host: Connection; readonly tools: readonly ToolDefinition[] };
type Sending = { readonly tool: ToolDefinition; readonly request: CallMcpServerToolRequest; readonly call: Call };

async function send(
  deps: CapabilityDeps,
  { use, host }: Started,
  { tool, request, call }: Sending,
): Promise<ToolCallEnded> {
  const key = { executionId: use.sessionId, stepKey: "call", attempt: 1 };
  const message = {
    call: create(RunningCallSchema, key),
    server: create(StartServerSchema, await signedStart(deps, use)),
    ...{ tool: tool.tool, definition: tool, arguments: request.arguments.trim() || "{}" },
    idempotencyKey: call.idempotencyKey ?? use.sessionId,
  };
  const options = { signal: call.signal, timeoutMs: timeoutOf(use.server.spec) };
  if (!sendCall(deps.runners, host, message)) throw unavailable("RUNNER_NOT_CONNECTED", {});
  const ended = await endOfCall(deps.runners, host, key, options);
  acknowledge(deps, host, key);
  return ended;
}

type Using = {
  readonly server: Resource & McpServer;
  readonly request: { readonly environments: readonly string[] };
  readonly call: Call;
};

const RUNNER_WAIT_MS = 5_000;

/** Starts a server for a person alone, and stops it when `run` has ended. */
async function using<T>(
  deps: PersonDeps,
  { server, request, call }: Using,
  run: (started: Started) => Promise<T>,
): Promise<T> {
  const { org, signal } = call;
  const sessionId = `person-${randomUUID()}`;
  const { environments } = request;
  const use: ServerUse = { org, sessionId, workspace: "", server: pinnedOf(server), state: undefined, environments };
  if (deps.inUse.count >= MOST_IN_USE) throw exhausted("LIMIT_REACHED", { limit: "servers that run for persons" });
  const host = await deps.runners.hostingTools({ org, affinity: "", waitMs: RUNNER_WAIT_MS, signal });
  deps.inUse.count++;
  try {
    return await run({ use, host, tools: await listedTools(deps, use, { host, signal }) });
  } finally {
    deps.inUse.count--;
    sendTo(host, { case: "stopServer", value: { sessionId, name: "" } });
  }
}

function pinnedOf({ metadata, spec, status }: McpServer): PinnedServer {
  const names = { name: metadata?.name ?? "", revision: status?.revision ?? "" };
  return create(PinnedServerSchema, { ...names, ...(spec && { spec }) });
}

async function serverOf({ resources }: CapabilityDeps, org: string, id: string): Promise<Resource & McpServer> {
  const kind = requireKind(resources.kinds, "McpServer");
  return fromRow(kind, await requireById(resources.store, kind, { org, id })) as Resource & McpServer;
}

function noSuchTool(server: string, tool: string): Fault {
  const message = `the MCP server "${server}" has no tool ${JSON.stringify(tool)}`;
  return new Fault("precondition", "TOOL_NOT_FOUND", { server, tool }, { message });
}

type Failed = { readonly org: string; readonly server: McpServer; readonly ended: ToolCallEnded };

async function callFailed(deps: CapabilityDeps, { org, server: of, ended }: Failed): Promise<Fault> {
  const { error, notStarted, missingScopes: missing } = ended;
  const doubt = notStarted ? "" : "; the call may have had its effect";
  const server = of.metadata?.name ?? "";
  if (error?.reason === "SIGN_IN_REQUIRED") return signInRequired(server);
  if (error?.reason === SCOPE_MISSING) return await scopeMissing(deps, { org, server: pinnedOf(of), missing });
  const message = `the tool's server failed: ${error?.message || "the tool gave no answer"}${doubt}`;
  return new Fault("precondition", "TOOL_SERVER_FAILED", { server }, { message });
}
