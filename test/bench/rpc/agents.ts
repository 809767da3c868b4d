import { create, type DescMessage, type DescMethod, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import { type Agent, AgentCommandController, AgentSchema } from "@stigmer/contracts/agentic";
import { COUNTER } from "../load/marks.ts";

/** The name where the load puts a number of its own. */
export const NUMBERED = `agent-${COUNTER}`;

/** An agent that takes so many bytes on the wire. */
export function agentOf(name: string, bytes: number, labels: Record<string, string> = {}): Agent {
  const agent = create(AgentSchema, { metadata: { name, labels }, spec: { instructions: "You are measured. " } });
  const missing = bytes - toBinary(AgentSchema, agent).length - 2; // two lengths grow by a byte each
  if (agent.spec) agent.spec.instructions += "x".repeat(Math.max(0, missing));
  return agent;
}

/** Makes agents of 1 KB, and returns them as the backend has them. */
export async function makeAgents(client: Client, count: number): Promise<readonly Agent[]> {
  const { create: make } = client.service(AgentCommandController);
  return await Promise.all(Array.from({ length: count }, (_, at) => make(agentOf(`stored-${at}`, 1024))));
}

/** A message as the load wants it. */
export function body<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return Buffer.from(toBinary(schema, message)).toString("base64");
}

/** A method's path in gRPC. */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
