import { create } from "@bufbuild/protobuf";
import { Fault } from "@stigmer/base";
import {
  type McpServerSpec,
  type PinnedServer,
  type ToolDefinition,
  ToolDefinitionSchema,
} from "@stigmer/contracts/agentic";
import { canonicalJson, textDigest } from "@stigmer/resource";

/** What a server lists, each with its digest. Refuses a list that names a tool twice: nobody could tell which one is meant. */
export function definitionsOf(server: string, listed: readonly ToolDefinition[]): readonly ToolDefinition[] {
  const names = new Set<string>();
  for (const { tool } of listed) {
    if (names.has(tool)) throw serverFailed(server, `it lists two tools named ${JSON.stringify(tool)}`);
    names.add(tool);
  }
  return listed.map((tool) => define(server, tool));
}

/** A definition is what a person accepts: its digest covers everything that the server says of the tool. */
function define(server: string, said: ToolDefinition): ToolDefinition {
  const { tool, description, inputSchema, annotations } = said;
  const digest = textDigest(canonicalJson({ server, tool, description, inputSchema, annotations }));
  return create(ToolDefinitionSchema, { server, tool, description, inputSchema, annotations, digest });
}

/**
 * The tools that an agent is offered: those that it names, or all; of these, those that the server's spec allows; a denied one
 * never. Refuses names of allowed tools that the server does not have.
 */
export function offered(
  { name, spec }: PinnedServer,
  tools: readonly ToolDefinition[],
  wanted: readonly string[],
): readonly ToolDefinition[] {
  requireThere(name, tools, [...wanted, ...(spec?.allowedTools ?? [])]);
  return tools.filter(({ tool }) => isOffered(spec, tool) && (wanted.length === 0 || wanted.includes(tool)));
}

/** Whether agents may be offered a tool, by what the server's spec says: what is denied is not, whatever allows it. */
export function isOffered(
  spec: Pick<McpServerSpec, "allowedTools" | "deniedTools"> | undefined,
  tool: string,
): boolean {
  const { allowedTools = [], deniedTools = [] } = spec ?? {};
  return !deniedTools.includes(tool) && (allowedTools.length === 0 || allowedTools.includes(tool));
}

function requireThere(server: string, tools: readonly ToolDefinition[], names: readonly string[]): void {
  const missing = [...new Set(names)].filter((name) => !tools.some(({ tool }) => tool === name));
  if (missing.length === 0) return;
  const message = `the MCP server "${server}" has no tool ${missing.map((name) => JSON.stringify(name)).join(", ")}`;
  throw new Fault("precondition", "TOOL_NOT_FOUND", { server }, { message });
}

export function serverFailed(server: string, why: string): Fault {
  const message = `the MCP server "${server}" could not be started: ${why}`;
  return new Fault("precondition", "TOOL_SERVER_FAILED", { server }, { message });
}
