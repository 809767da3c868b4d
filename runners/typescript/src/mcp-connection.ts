import { AsyncLocalStorage } from "node:async_hooks";
import { Client, ProtocolError, SdkHttpError, type Transport } from "@modelcontextprotocol/client";
import {
  Failure,
  type ToolAnswer,
  type ToolCallContext,
  type ToolInvocation,
  type ToolListing,
  type ToolServer,
} from "@stigmer/sdk";
import { callTool } from "./call-tool.ts";
import { acceptUntypedResults } from "./lenient-results.ts";
import type { Masker } from "./masker.ts";
import type { McpChannel } from "./mcp-channel.ts";
import { isBrokenChannel, mcpFailure } from "./mcp-failure.ts";
import { type Calls, type RunningCall, runCall } from "./running-call.ts";
import { answerServer, followLog } from "./server-requests.ts";
import { createServerTools } from "./server-tools.ts";
import { followToolChanges } from "./tool-changes.ts";

/** A server that runs and has shaken hands. */
export interface McpConnection {
  /** False once the server is gone; it never comes back. */
  isAlive(): boolean;
  listTools(): Promise<readonly ToolListing[]>;
  /** The context's signal asks the tool to stop; what it still answers is the answer. */
  callTool(call: ToolInvocation, context: ToolCallContext): Promise<ToolAnswer>;
  close(): Promise<void>;
}

export type McpConnectOptions = {
  /** Opens a channel; called again where the server turns out to speak another era of the protocol. */
  readonly open: () => Promise<McpChannel>;
  /** How long a tool that is asked to stop may take to answer. */
  readonly stopPatienceMs: number;
  readonly signal: AbortSignal;
  readonly masker: Masker;
  /** Told of what the server says of itself, without secrets. */
  readonly onLog: (line: string) => void;
  /** Told of all of the server's tools where they have changed. */
  readonly onToolsChanged: (tools: readonly ToolListing[]) => void;
  /** Told once when the server is gone, and nobody asked for that. */
  readonly onDeath: () => void;
};

const CLIENT = { name: "stigmer-runner", version: "0.0.1" };
const CAPABILITIES = { elicitation: { form: {}, url: {} } };
const LISTING_PART = 0.5;

/**
 * Connects by the protocol that the server speaks. A URL is asked; a process is taken for one of the older protocol, as nearly every
 * one is and as some do not outlive the question, until it refuses that.
 */
export async function connectMcp(server: ToolServer, options: McpConnectOptions): Promise<McpConnection> {
  const until = performance.now() + server.startTimeoutMs;
  if (server.transport.kind === "http")
    return await shakeHands(server, options, { mode: "auto", until }).catch(notMade);
  try {
    return await shakeHands(server, options, { mode: "legacy", until });
  } catch (error) {
    if (!mayBeNewer(error)) throw notStarted(error);
    return await shakeHands(server, options, { mode: "auto", until }).catch(() => notMade(error));
  }
}

// A server that refuses the handshake may be one of a protocol that has none.
function mayBeNewer(error: unknown): boolean {
  const cause = error instanceof Failure ? error.cause : undefined;
  return cause instanceof ProtocolError || (cause instanceof SdkHttpError && cause.status === 400);
}

// What fails before the first call has surely not made it.
function notStarted(error: unknown): Failure {
  const { reason, message, cause, missingScopes } = error as Failure;
  return new Failure(reason, message, { cause, missingScopes, notStarted: true });
}

function notMade(error: unknown): never {
  throw notStarted(error);
}

type Handshake = {
  readonly mode: "legacy" | "auto";
  /** On the clock that only goes forward. */
  readonly until: number;
};

async function shakeHands(
  server: ToolServer,
  options: McpConnectOptions,
  { mode, until }: Handshake,
): Promise<McpConnection> {
  const channel = await options.open();
  const calls = { current: new AsyncLocalStorage<RunningCall>(), running: new Set<RunningCall>() };
  noteSentIds(channel.transport, calls.current);
  const client = new Client(CLIENT, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
  const life = watchLife(client, options.onDeath);
  answerServer(client, calls);
  followLog(client, options.masker, options.onLog);
  const explain: Explain = (error, doing, timeoutMs) => {
    if (isBrokenChannel(error)) life.end();
    const context = { server: server.name, doing, timeoutMs, account: channel.account(), masker: options.masker };
    return mcpFailure(error, context);
  };
  try {
    const timeout = Math.max(1, Math.ceil(until - performance.now()));
    await client.connect(channel.transport, { timeout, signal: options.signal });
  } catch (error) {
    const failure = explain(error, "it was started", server.startTimeoutMs);
    await channel.close();
    throw failure;
  }
  life.isWanted = true;
  acceptUntypedResults(client);
  return connection({ server, options, until }, { channel, client, calls, life, explain });
}

/** What went wrong, and whether the connection is of any use still. */
type Explain = (error: unknown, doing: string, timeoutMs: number) => Failure;

type Parts = {
  readonly channel: McpChannel;
  readonly client: Client;
  readonly calls: Calls;
  readonly life: Life;
  readonly explain: Explain;
};

type Wanted = { readonly server: ToolServer; readonly options: McpConnectOptions; readonly until: number };

function connection({ server, options, until }: Wanted, parts: Parts): McpConnection {
  const { channel, client, calls, life, explain } = parts;
  const { callTimeoutMs, startTimeoutMs } = server;
  const { masker, stopPatienceMs, onToolsChanged: onChanged } = options;
  const onLeftOut = (tool: string, why: string): void => options.onLog(`tool ${tool} is left out: ${why}`);
  const tools = createServerTools(client, { onLeftOut, mask: masker.mask });
  const relist = async (): Promise<void> => onChanged((await tools.known(startTimeoutMs)).listings);
  const stopFollowing = followToolChanges(client, { forget: tools.forget, relist });
  const deps = { client, tools, masker, listTimeoutMs: startTimeoutMs, onChanged };
  const rules = { client, ...calls, timeoutMs: callTimeoutMs, stopPatienceMs };
  return {
    isAlive: life.isAlive,
    listTools: async () => {
      const listTimeoutMs = Math.max(until - performance.now(), startTimeoutMs * LISTING_PART);
      const { listings } = await tools.list(listTimeoutMs).catch((error: unknown) => {
        throw explain(error, "its tools were listed", startTimeoutMs);
      });
      return listings;
    },
    callTool: (call, context) =>
      runCall(rules, context, (made) => callTool(deps, call, made)).catch((error: unknown) => {
        throw explain(error, `${JSON.stringify(call.tool)} was called`, callTimeoutMs);
      }),
    close: async () => {
      life.isWanted = false;
      stopFollowing();
      await channel.close();
    },
  };
}

type Life = {
  /** Whether its end would be a surprise. */
  isWanted: boolean;
  readonly isAlive: () => boolean;
  readonly end: () => void;
};

function watchLife(client: Client, onDeath: () => void): Life {
  let isAlive = true;
  const life: Life = {
    isWanted: false,
    isAlive: () => isAlive,
    end() {
      if (isAlive && life.isWanted) onDeath();
      isAlive = false;
    },
  };
  client.onclose = life.end;
  // Whatever it reports shows in the call that it breaks.
  client.onerror = () => {};
  return life;
}

const CALLS = new Set(["tools/call", "resources/read", "prompts/get"]);

/** Notes under which id the call is sent in which code runs. */
function noteSentIds(transport: Transport, current: Calls["current"]): void {
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    const call = current.getStore();
    if (call && "method" in message && "id" in message && CALLS.has(message.method)) call.sentId = message.id;
    return send(message, options);
  };
}
