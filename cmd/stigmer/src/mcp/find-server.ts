import type { LightClient } from "@stigmer/client/light";
import { McpServerSchema } from "@stigmer/contracts/agentic";
import type { Deps } from "../deps.ts";
import { metadataOf } from "../kinds/columns.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { getResource } from "../kinds/resources.ts";

/** The id of an MCP server that is given by id or name. */
export async function serverId(deps: Pick<Deps, "interrupt">, client: LightClient, name: string): Promise<string> {
  const kind = kindOfMessage(McpServerSchema);
  const reference = { name: nameOfKind(kind, name), revision: "" };
  const resource = await getResource(client, { kind, reference }, { signal: deps.interrupt });
  return metadataOf(resource).id || name;
}
