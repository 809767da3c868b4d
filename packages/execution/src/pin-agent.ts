import { create } from "@bufbuild/protobuf";
import { invalid } from "@stigmer/base";
import {
  type Agent,
  type AgentSpec,
  AgentSpecSchema,
  type McpServer,
  type PinnedServer,
  PinnedServerSchema,
  type PinnedSkill,
} from "@stigmer/contracts/agentic";
import { atRevision, fromRow, type PipelineDeps, type Resource } from "@stigmer/resource";
import { pinSkills } from "./pin-skills.ts";
import { requireKind } from "./require-kind.ts";

/** An agent, its servers and its skills as they are when an execution begins; what becomes of them later does not concern it. */
export type PinnedAgent = {
  readonly name: string;
  readonly spec: AgentSpec;
  /** Digest of the agent's spec. */
  readonly revision: string;
  readonly servers: readonly PinnedServer[];
  readonly skills: readonly PinnedSkill[];
};

/** The agent in a revision, the newest where that is empty. Refuses with `REFERENCE_NOT_FOUND` what is not there. */
export async function pinAgent(
  resources: PipelineDeps,
  of: { readonly org: string; readonly name: string; readonly revision: string },
): Promise<PinnedAgent> {
  const kind = requireKind(resources.kinds, "Agent");
  const row = await resources.store.getByName({ tenant: of.org, kind: kind.options.kind, name: of.name });
  if (!row) throw dangling(`there is no Agent "${of.name}"`);
  const { keys, store: read } = resources;
  const pinned = await atRevision({ read, keys }, kind, { row, revision: of.revision });
  const { spec = create(AgentSpecSchema) } = fromRow(kind, pinned.row) as Resource & Agent;
  const servers: PinnedServer[] = [];
  for (const { name } of spec.mcpServers) servers.push(await pinServer(resources, of, name));
  const skills = await pinSkills(resources, of, spec.skills);
  return { name: of.name, spec, revision: pinned.digest, servers, skills };
}

async function pinServer(
  resources: PipelineDeps,
  agent: { readonly org: string; readonly name: string },
  name: string,
): Promise<PinnedServer> {
  const kind = requireKind(resources.kinds, "McpServer");
  const row = await resources.store.getByName({ tenant: agent.org, kind: kind.options.kind, name });
  const server = row && (fromRow(kind, row) as Resource & McpServer);
  if (!server?.spec) throw dangling(`the agent "${agent.name}" uses the MCP server "${name}", which does not exist`);
  return create(PinnedServerSchema, { name, revision: server.status?.revision ?? "", spec: server.spec });
}

function dangling(description: string): Error {
  return invalid([{ field: "spec.agent", description }], "REFERENCE_NOT_FOUND");
}
