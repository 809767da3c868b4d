import {
  type CallToolResult,
  type Client,
  type ContentBlock,
  ProtocolError,
  ProtocolErrorCode,
  type RequestOptions,
  type ServerCapabilities,
} from "@modelcontextprotocol/client";
import type { ToolListing } from "@stigmer/sdk";
import { withInput } from "./input-rounds.ts";
import type { RunningCall } from "./running-call.ts";

type Arguments = Readonly<Record<string, unknown>>;

/** A tool that stands for what a server offers beside tools. */
export type OfferedTool = {
  readonly listing: ToolListing;
  readonly call: (making: Making, args: Arguments) => Promise<CallToolResult>;
};

export type Making = { readonly client: Client; readonly call: RunningCall; readonly options: RequestOptions };

/** Tools for reading a server's resources and prompts, for one that has any. */
export function offeredTools(capabilities: ServerCapabilities | undefined): OfferedTool[] {
  return [...(capabilities?.resources ? RESOURCES : []), ...(capabilities?.prompts ? PROMPTS : [])];
}

/** Whether a name is one of theirs, unless the server has a tool of that name. */
export function isOfferedName(name: string): boolean {
  return [...RESOURCES, ...PROMPTS].some(({ listing }) => listing.tool === name);
}

const CURSOR = { cursor: { type: "string", description: "nextCursor of the page before; without it, the first page" } };
const URI = { uri: { type: "string", description: "URI of the resource" } };
const PROMPT = {
  name: { type: "string", description: "Name of the prompt" },
  arguments: { type: "object", additionalProperties: { type: "string" }, description: "Arguments of the prompt" },
};

const RESOURCES: readonly OfferedTool[] = [
  {
    listing: listing("list_resources", "Lists the resources that this server has, a page at a time.", CURSOR),
    call: listResources,
  },
  {
    listing: listing("read_resource", "Reads a resource of this server.", URI, ["uri"]),
    call: readResource,
  },
];

const PROMPTS: readonly OfferedTool[] = [
  {
    listing: listing("list_prompts", "Lists the prompts that this server has, a page at a time.", CURSOR),
    call: async ({ client, options }, { cursor }) =>
      textResult(await client.request(page("prompts/list", cursor), options)),
  },
  {
    listing: listing("get_prompt", "Gets a prompt of this server, with its arguments filled in.", PROMPT, ["name"]),
    call: getPrompt,
  },
];

function listing(tool: string, description: string, properties: object, required: string[] = []): ToolListing {
  const schema = { type: "object", properties, required, additionalProperties: false };
  const annotations = JSON.stringify({ readOnlyHint: true });
  return { tool, description, inputSchema: JSON.stringify(schema), annotations };
}

function page<M extends string>(method: M, cursor: unknown): { method: M; params: { cursor?: string } } {
  return { method, params: typeof cursor === "string" ? { cursor } : {} };
}

async function listResources({ client, options }: Making, { cursor }: Arguments): Promise<CallToolResult> {
  const { resources, nextCursor } = await client.request(page("resources/list", cursor), options);
  // Not every server that has resources knows of templates.
  const templates =
    cursor === undefined ? await client.request(page("resources/templates/list", undefined), options).catch(none) : {};
  return textResult({ resources, ...templates, ...(nextCursor !== undefined && { nextCursor }) });
}

function none(error: unknown): { resourceTemplates?: unknown } {
  if (error instanceof ProtocolError && error.code === ProtocolErrorCode.MethodNotFound) return {};
  throw error;
}

async function readResource({ client, call, options }: Making, { uri }: Arguments): Promise<CallToolResult> {
  if (typeof uri !== "string") return errorResult("uri is missing");
  const { contents } = await withInput(call, { uri }, (params) =>
    client.request({ method: "resources/read", params: { ...params, uri } }, { ...options, allowInputRequired: true }),
  );
  return { content: contents.map((resource): ContentBlock => ({ type: "resource", resource })) };
}

async function getPrompt({ client, call, options }: Making, args: Arguments): Promise<CallToolResult> {
  const { name, arguments: given } = args;
  if (typeof name !== "string") return errorResult("name is missing");
  const first = { name, ...(given !== undefined && { arguments: given }) };
  const { messages } = await withInput(call, first, (params) =>
    client.request({ method: "prompts/get", params: { ...params, name } }, { ...options, allowInputRequired: true }),
  );
  return {
    content: messages.flatMap(({ role, content }): ContentBlock[] => [{ type: "text", text: `${role}:` }, content]),
  };
}

function textResult(value: Record<string, unknown>): CallToolResult {
  const { _meta, ttlMs, cacheScope, ...said } = value;
  return { content: [{ type: "text", text: JSON.stringify(said) }] };
}

function errorResult(text: string): CallToolResult {
  return { content: [{ type: "text", text }], isError: true };
}
