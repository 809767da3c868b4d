import type { LightClient } from "@stigmer/client/light";
import { AgentExecutionSchema } from "@stigmer/contracts/agentic";
import type { Deps } from "../deps.ts";
import { metadataOf } from "../kinds/columns.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { getResource } from "../kinds/resources.ts";

/** The id of an execution that is given by id or name. */
export async function executionId(deps: Pick<Deps, "interrupt">, client: LightClient, name: string): Promise<string> {
  const kind = kindOfMessage(AgentExecutionSchema);
  const reference = { name: nameOfKind(kind, name), revision: "" };
  const found = await getResource(client, { kind, reference }, { signal: deps.interrupt });
  return metadataOf(found).id || name;
}
