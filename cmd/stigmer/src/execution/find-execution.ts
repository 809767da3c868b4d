import type { LightClient } from "@stigmer/client/light";
import { AgentExecutionSchema } from "@stigmer/contracts/agentic";
import type { Deps } from "../deps.ts";
import { metadataOf, type Resource } from "../kinds/columns.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { getResource } from "../kinds/resources.ts";

/** An execution that is given by id or name. */
export async function findExecution(
  deps: Pick<Deps, "interrupt">,
  client: LightClient,
  name: string,
): Promise<{ readonly id: string; readonly resource: Resource }> {
  const kind = kindOfMessage(AgentExecutionSchema);
  const reference = { name: nameOfKind(kind, name), revision: "" };
  const resource = await getResource(client, { kind, reference }, { signal: deps.interrupt });
  return { id: metadataOf(resource).id || name, resource };
}

/** The id of an execution that is given by id or name. */
export async function executionId(deps: Pick<Deps, "interrupt">, client: LightClient, name: string): Promise<string> {
  return (await findExecution(deps, client, name)).id;
}
