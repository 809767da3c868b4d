import { Client, ProtocolError, SdkHttpError, type Tool } from "@modelcontextprotocol/client";
import { Failure, type ToolAnswer, type ToolInvocation, type ToolListing, type ToolServer } from "@stigmer/sdk";
import type { McpChannel } from "./mcp-channel.ts";
import { isBrokenChannel, mcpFailure } from "./mcp-failure.ts";
import { noteCallIds, stoppably } from "./stoppable-call.ts";
import { answerOf } from "./tool-answer.ts";

/** A server that runs and has shaken hands. */
export interface McpConnection {
  /** False once the server is gone; it never comes back. */
  isAlive(): boolean;
  listTools(): Promise<ToolListing[]>;
  /** The signal asks the tool to stop; what it still answers is the answer. */
  callTool(call: ToolInvocation, signal: AbortSignal): Promise<ToolAnswer>;
  close(): Promise<void>;
}

export type McpConnectOptions = {
  /** Opens a channel; called again where the server turns out to speak another era of the protocol. */
  readonly open: () => Promise<McpChannel>;
  readonly startTimeoutMs: number;
  /** How long a tool that is asked to stop may take to answer. */
  readonly stopPatienceMs: number;
  readonly signal: AbortSignal;
};

const MOST_TOOLS = 1_024;
const MOST_PAGES = 1_024;
const CLIENT = { name: "stigmer-runner", version: "0.0.1" };

/** Connects by the protocol that nearly every server speaks, and by a newer one where the server refuses that. */
export async function connectMcp(server: ToolServer, options: McpConnectOptions): Promise<McpConnection> {
  try {
    return await shakeHands(server, options, "legacy");
  } catch (error) {
    if (!mayBeNewer(error)) throw started(error);
    return await shakeHands(server, options, "auto").catch(() => {
      throw started(error);
    });
  }
}

// A server that refuses the handshake may be one of a protocol that has none.
function mayBeNewer(error: unknown): boolean {
  const cause = error instanceof Failure ? error.cause : undefined;
  return cause instanceof ProtocolError || (cause instanceof SdkHttpError && cause.status === 400);
}

// What fails before the first call has surely not made it.
function started(error: unknown): Failure {
  const { reason, message, cause } = error as Failure;
  return new Failure(reason, message, { cause, notStarted: true });
}

async function shakeHands(
  server: ToolServer,
  { open, startTimeoutMs, stopPatienceMs, signal }: McpConnectOptions,
  mode: "legacy" | "auto",
): Promise<McpConnection> {
  const channel = await open();
  const sending = noteCallIds(channel.transport);
  const client = new Client(CLIENT, { versionNegotiation: { mode } });
  // Whatever it reports shows in the call that it breaks.
  client.onerror = () => {};
  let isAlive = true;
  client.onclose = () => {
    isAlive = false;
  };
  const explain = (error: unknown, doing: string, timeoutMs: number): Failure => {
    if (isBrokenChannel(error)) isAlive = false;
    return mcpFailure(error, { server: server.name, doing, timeoutMs, account: channel.account() });
  };
  try {
    await client.connect(channel.transport, { timeout: startTimeoutMs, signal });
  } catch (error) {
    const failure = explain(error, "it was started", startTimeoutMs);
    await channel.close();
    throw failure;
  }
  return {
    isAlive: () => isAlive,
    listTools: () =>
      listTools(client, startTimeoutMs).catch((error: unknown) => {
        throw explain(error, "its tools were listed", startTimeoutMs);
      }),
    callTool: (call, stop) =>
      stoppably(client, { sending, stop, stopPatienceMs }, (given) =>
        callTool(client, call, { timeout: server.callTimeoutMs, signal: given }),
      ).catch((error: unknown) => {
        throw explain(error, `${JSON.stringify(call.tool)} was called`, server.callTimeoutMs);
      }),
    close: () => channel.close(),
  };
}

async function listTools(client: Client, timeoutMs: number): Promise<ToolListing[]> {
  if (!client.getServerCapabilities()?.tools) return [];
  const options = { timeout: timeoutMs, signal: AbortSignal.timeout(timeoutMs) };
  const tools: ToolListing[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const answer = await client.request({ method: "tools/list", params }, options);
    tools.push(...answer.tools.map(listingOf));
    if (tools.length > MOST_TOOLS) throw new Error(`it has more than ${MOST_TOOLS} tools`);
    cursor = answer.nextCursor;
    if (cursor === undefined) return tools;
  }
  throw new Error(`it lists its tools on more than ${MOST_PAGES} pages`);
}

function listingOf({ name, description, inputSchema, annotations }: Tool): ToolListing {
  return {
    tool: name,
    description: description ?? "",
    inputSchema: JSON.stringify(inputSchema),
    annotations: annotations ? JSON.stringify(annotations) : "",
  };
}

const IDEMPOTENCY_KEY = "stigmer.ai/idempotency-key";

async function callTool(
  client: Client,
  { tool, arguments: json, idempotencyKey }: ToolInvocation,
  options: { readonly timeout: number; readonly signal: AbortSignal },
): Promise<ToolAnswer> {
  const args = parseArguments(json);
  if (!args) return { content: "the arguments are not a JSON object", isError: true };
  try {
    const _meta = { [IDEMPOTENCY_KEY]: idempotencyKey };
    return answerOf(await client.callTool({ name: tool, arguments: args, _meta }, options));
  } catch (error) {
    if (error instanceof ProtocolError) return { content: error.message, isError: true };
    throw error;
  }
}

function parseArguments(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = json === "" ? {} : JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
