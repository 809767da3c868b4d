import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import {
  type Agent,
  AgentCommandController,
  type AgentExecution,
  AgentExecutionCommandController,
  type AgentSpecSchema,
  type McpServer,
  McpServerCommandController,
} from "@stigmer/contracts/agentic";

/** Resources with no more in them than a test cares about. */

export async function createAgent(
  client: Client,
  of: {
    readonly name?: string;
    readonly model?: string;
    readonly servers?: readonly string[];
    /** More of its spec. */
    readonly spec?: Omit<MessageInitShape<typeof AgentSpecSchema>, "$typeName">;
  } = {},
): Promise<Agent> {
  const { name = "helper", model = "", servers = [] } = of;
  const mcpServers = servers.map((server) => ({ name: server }));
  const spec = { instructions: "help", model, mcpServers, ...of.spec };
  return await client.service(AgentCommandController).create({ metadata: { name }, spec });
}

export async function createServer(client: Client, name: string): Promise<McpServer> {
  const spec = { transport: { case: "stdio" as const, value: { command: "unused" } } };
  return await client.service(McpServerCommandController).create({ metadata: { name }, spec });
}

/** Starts an execution; the agent is `helper` unless a session is named. */
export async function execute(
  client: Client,
  spec: {
    readonly agent?: string;
    readonly sessionId?: string;
    readonly message?: string;
    readonly model?: string;
  } = {},
): Promise<AgentExecution> {
  const agent = spec.sessionId ? "" : "helper";
  return await client
    .service(AgentExecutionCommandController)
    .create({ metadata: {}, spec: { agent, message: "hello", ...spec } });
}

export function idOf(resource: { readonly metadata?: { readonly id: string } | undefined }): string {
  return resource.metadata?.id ?? "";
}

export function versionOf(resource: { readonly metadata?: { readonly resourceVersion: string } | undefined }): string {
  return resource.metadata?.resourceVersion ?? "";
}
