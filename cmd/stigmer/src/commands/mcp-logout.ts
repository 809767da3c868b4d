import { McpServerCommandController, McpServerSchema } from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { serverId } from "../mcp/find-server.ts";
import { formatOf } from "../output/format.ts";

export type LogoutOptions = GlobalOptions & { readonly name: string };

/** Forgets the tokens of an MCP server. */
export async function logout(deps: Deps, options: LogoutOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const id = await serverId(deps, backend.client(), options.name);
  const server = await backend.client().service(McpServerCommandController).logout({ id }, { signal: deps.interrupt });
  if (format === "json" || format === "yaml") return await printMessage(deps, McpServerSchema, server, format);
  const word = `mcpserver/${server.metadata?.name ?? options.name}`;
  await deps.stdout.write(format === "name" ? `${word}\n` : `${word} signed out\n`);
}
