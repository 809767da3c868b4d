import type { Client } from "@stigmer/client";
import { type AgentExecution, AgentExecutionSchema } from "@stigmer/contracts/agentic";
import type { Deps } from "../deps.ts";
import { allKinds, type Kind } from "../kinds/kinds.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { getResource } from "../kinds/resources.ts";

/** The kind of executions that this program knows how to follow. */
function executionKind(): Kind {
  const kind = allKinds().find(({ schema }) => schema.typeName === AgentExecutionSchema.typeName);
  if (!kind) throw new Error("the contract has no agent executions");
  return kind;
}

/** Reads an execution by its id or its name. */
async function findExecution(deps: Pick<Deps, "interrupt">, client: Client, name: string): Promise<AgentExecution> {
  return (await getResource(client, executionKind(), nameOfKind(executionKind(), name), {
    signal: deps.interrupt,
  })) as AgentExecution;
}

/** The id of an execution that is given by id or name. */
export async function executionId(deps: Pick<Deps, "interrupt">, client: Client, name: string): Promise<string> {
  return (await findExecution(deps, client, name)).metadata?.id ?? name;
}
