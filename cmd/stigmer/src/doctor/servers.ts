import type { LightClient } from "@stigmer/client/light";
import { McpServerCommandController, McpServerQueryController } from "@stigmer/contracts/agentic";
import type { Deps } from "../deps.ts";
import { explain } from "../explain.ts";
import { broken, type Finding, ok } from "./finding.ts";

const MAX_SERVERS = 100;
const START_MS = 60_000;

/** Starts each MCP server once, and says what became of it. */
export async function checkServers(deps: Deps, client: LightClient): Promise<readonly Finding[]> {
  const { items, nextPageToken } = await client
    .service(McpServerQueryController)
    .list({ pageSize: MAX_SERVERS }, { signal: deps.interrupt });
  const findings: Finding[] = [];
  for (const { metadata } of items) findings.push(await startOnce(deps, client, metadata));
  if (nextPageToken) findings.push(ok("mcp", `more than ${MAX_SERVERS} servers; the others were not started`));
  return findings.length > 0 ? findings : [ok("mcp", "there is no MCP server")];
}

async function startOnce(
  deps: Deps,
  client: LightClient,
  metadata: { readonly id: string; readonly name: string } | undefined,
): Promise<Finding> {
  const { id = "", name = "" } = metadata ?? {};
  try {
    const call = { signal: deps.interrupt, timeoutMs: START_MS };
    const { tools } = await client.service(McpServerCommandController).listTools({ id }, call);
    return ok("mcp", `${name} starts; ${tools.length} ${tools.length === 1 ? "tool" : "tools"}`);
  } catch (error) {
    const { message } = explain(error);
    return broken("mcp", `${name}: ${message}`, `stigmer mcp logs ${name}; stigmer get mcpserver ${name} -o yaml`);
  }
}
