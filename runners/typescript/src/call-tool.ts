import {
  type CallToolResult,
  type Client,
  ProtocolError,
  type RequestOptions,
  type Tool,
} from "@modelcontextprotocol/client";
import { Failure, type ToolAnswer, type ToolInvocation, type ToolListing } from "@stigmer/sdk";
import { withInput } from "./input-rounds.ts";
import type { Masker } from "./masker.ts";
import { isOfferedName } from "./offered-tools.ts";
import { orAborted } from "./or-aborted.ts";
import type { RunningCall } from "./running-call.ts";
import type { KnownTools, ServerTools } from "./server-tools.ts";
import { createThrottle } from "./throttle.ts";
import { answerOf } from "./tool-answer.ts";
import { isSameListing } from "./tool-list.ts";

export type CallToolDeps = {
  readonly client: Client;
  readonly tools: ServerTools;
  readonly masker: Masker;
  /** Longest time that the server may take to list its tools. */
  readonly listTimeoutMs: number;
  /** Told of the server's tools where they are not those by which a call was judged. */
  readonly onChanged: (listings: readonly ToolListing[]) => void;
};

const IDEMPOTENCY_KEY = "stigmer.ai/idempotency-key";
const HEADER_MISMATCH = -32020;
/** The call keeps its time itself. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;
const PROGRESS_INTERVAL_MS = 250;

/** Makes a call. What the server refuses is an answer for the model too. */
export async function callTool(deps: CallToolDeps, invocation: ToolInvocation, call: RunningCall): Promise<ToolAnswer> {
  const args = parseArguments(invocation.arguments);
  if (!args) return { content: "the arguments are not a JSON object", isError: true };
  const progress = createThrottle(PROGRESS_INTERVAL_MS, call.context.progress);
  const options: RequestOptions = {
    signal: call.signal,
    timeout: NO_TIMEOUT_MS,
    onprogress: ({ progress: at, total = 0, message = "" }) =>
      progress.push({ progress: at, total, message: deps.masker.mask(message) }),
  };
  try {
    const result = await make(deps, { invocation, args, call, options });
    return await answerOf(result, call.context.saveBlob, deps.masker);
  } catch (error) {
    if (error instanceof ProtocolError) return { content: deps.masker.mask(error.message), isError: true };
    throw error;
  } finally {
    progress.stop();
  }
}

type Calling = {
  readonly invocation: ToolInvocation;
  readonly args: Record<string, unknown>;
  readonly call: RunningCall;
  readonly options: RequestOptions;
};

async function make(deps: CallToolDeps, calling: Calling): Promise<CallToolResult> {
  const { client } = deps;
  const { invocation, args, call, options } = calling;
  const { tool, definition } = invocation;
  const isInHeaders = client.getProtocolEra() === "modern" && client.transport?.hasPerRequestStream === true;
  const isKnown = definition !== undefined || isInHeaders || isOfferedName(tool);
  const known = isKnown ? await toolsFor(deps, call) : undefined;
  if (known && definition) requireSame(deps, known, definition);
  const offered = known?.offered.get(tool);
  if (offered) return await offered.call({ client, call, options }, args);
  if (!isInHeaders) return await send(deps, calling, undefined);
  return await send(deps, calling, known?.own.get(tool)).catch(async (error: unknown) => {
    // The server wants other headers than it did when its tools were listed.
    if (!(error instanceof ProtocolError) || error.code !== HEADER_MISMATCH) throw error;
    deps.tools.forget();
    return await send(deps, calling, (await toolsFor(deps, call)).own.get(tool));
  });
}

function toolsFor({ tools, listTimeoutMs }: CallToolDeps, call: RunningCall): Promise<KnownTools> {
  return orAborted(call.signal, tools.known(listTimeoutMs));
}

function requireSame({ onChanged }: CallToolDeps, { listings }: KnownTools, judged: ToolListing): void {
  const now = listings.find(({ tool }) => tool === judged.tool);
  if (now && isSameListing(now, judged)) return;
  onChanged(listings);
  const name = JSON.stringify(judged.tool);
  const problem = now ? `describes ${name} otherwise than it did` : `has no tool ${name} any more`;
  throw new Failure("TOOL_CHANGED", `the server ${problem}; the call was not made`, { notStarted: true });
}

/** With the tool's definition at hand the arguments that it wants in headers stand there too. */
async function send({ client }: CallToolDeps, calling: Calling, tool: Tool | undefined): Promise<CallToolResult> {
  const { invocation, args, call, options } = calling;
  const params = { name: invocation.tool, arguments: args, _meta: { [IDEMPOTENCY_KEY]: invocation.idempotencyKey } };
  // What a tool answers is read as it is: its effect has been made, whether or not it keeps to its own schema.
  const { outputSchema, ...toolDefinition } = tool ?? {};
  const known = "name" in toolDefinition && { toolDefinition: toolDefinition as Tool };
  return await withInput(call, params, (next) =>
    client.callTool({ ...next, name: invocation.tool }, { ...options, ...known, allowInputRequired: true }),
  );
}

function parseArguments(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = json === "" ? {} : JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
