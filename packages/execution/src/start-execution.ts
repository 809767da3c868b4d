import { create } from "@bufbuild/protobuf";
import { invalid, precondition } from "@stigmer/base";
import {
  type Agent,
  type AgentExecution,
  AgentExecutionSchema,
  type AgentExecutionSpec,
  AgentExecutionStatusSchema,
  type AgentSpec,
  AgentSpecSchema,
  ExecutionCreatedSchema,
  type McpServer,
  ExecutionPhase as Phase,
  type PinnedServer,
  PinnedServerSchema,
  type Session,
  SessionSchema,
  SessionStatusSchema,
  UsageSchema,
} from "@stigmer/contracts/agentic";
import {
  atRevision,
  type Call,
  fromRow,
  metadataOf,
  newObject,
  type Pipeline,
  type PipelineDeps,
  type Plan,
  type Resource,
  requireById,
  toRow,
} from "@stigmer/resource";
import type { Precondition, Reader } from "@stigmer/store";
import { requireKind } from "./approvals.ts";
import { conversationOf } from "./conversation.ts";
import { type Executions, mergeBatches, type NewEvent } from "./executions.ts";
import { type ExecutionState, isFinal } from "./fold.ts";
import type { Leases } from "./leases.ts";

/** Chooses the model of an execution. */
export interface ModelChoice {
  /** The first of the candidates that is set, or the backend's default. Throws `MODEL_NOT_SET` or `PROVIDER_NOT_CONFIGURED`. */
  choose(candidates: readonly string[]): string;
}

export type StartDeps = {
  readonly resources: PipelineDeps;
  readonly pipeline: Pipeline;
  readonly executions: Executions;
  readonly leases: Leases;
  readonly models: ModelChoice;
};

type Asked = { readonly call: Call; readonly read: Reader; readonly spec: AgentExecutionSpec };
type BoundSession = {
  readonly session: Session;
  readonly previous: ExecutionState | undefined;
  readonly preconditions: readonly Precondition[];
};
type PinnedAgent = { readonly spec: AgentSpec; readonly revision: string; readonly servers: readonly PinnedServer[] };

const MAX_GENERATED_PREFIX = 57;

/** Record, session, journal and task are one commit: an execution that was acknowledged will run. */
export async function planStart(deps: StartDeps, request: AgentExecution, call: Call): Promise<Plan<AgentExecution>> {
  const { spec } = request;
  if (!spec) throw invalid([{ field: "spec", description: "is required" }]);
  const asked: Asked = { call, read: deps.resources.store, spec };
  const bound = spec.sessionId ? await joinSession(deps, asked) : await newSession(deps, asked);
  const agentName = bound.session.spec?.agent ?? "";
  const agent = await pinAgent(deps, asked, bound.session);
  const execution = await newExecution(deps, request, { call, agentName });
  const sessionId = metadataOf(bound.session as Resource).id;
  const { id } = metadataOf(execution as Resource);
  const model = deps.models.choose([spec.model, agent.spec.model]);
  Object.assign(execution.spec ?? {}, { sessionId, workspace: "", agentRevision: "" });
  bound.session.status = create(SessionStatusSchema, { latestExecutionId: id, agentRevision: agent.revision });
  const history = bound.previous ? await conversationOf(asked.read, bound.previous) : [];
  const created = create(ExecutionCreatedSchema, {
    ...{
      sessionId,
      agent: agentName,
      agentRevision: agent.revision,
      spec: agent.spec,
      model,
      servers: [...agent.servers],
    },
    ...{
      history: [...history],
      message: spec.message,
      workspace: bound.session.spec?.workspace ?? "",
      requestedBy: call.caller.subject,
    },
  });
  return startPlan(deps, { execution, bound, events: startEvents(created), call, created });
}

type Starting = {
  readonly execution: AgentExecution;
  readonly bound: BoundSession;
  readonly events: readonly NewEvent[];
  readonly call: Call;
  readonly created: { readonly sessionId: string; readonly model: string; readonly agentRevision: string };
};

function startPlan(deps: StartDeps, starting: Starting): Plan<AgentExecution> {
  const { execution, bound, events, call, created } = starting;
  const ref = { org: call.org, id: metadataOf(execution as Resource).id };
  execution.status = create(AgentExecutionStatusSchema, {
    ...{
      phase: Phase.PENDING,
      sessionId: created.sessionId,
      model: created.model,
      agentRevision: created.agentRevision,
    },
    ...{ sequence: BigInt(events.length), usage: create(UsageSchema) },
  });
  const row = toRow(deps.executions.agentExecutionKind, call.org, execution as Resource);
  const session = toRow(requireKind(deps.resources.kinds, "Session"), call.org, bound.session as Resource);
  const task = {
    ...deps.executions.taskKey(ref),
    epoch: 0,
    holder: "",
    dueAt: deps.resources.clock.now(),
    bytes: new Uint8Array(),
  };
  return {
    batch: mergeBatches(deps.executions.firstEntries(ref, events), { puts: [row, session], tasks: [task] }),
    preconditions: [{ row, version: 0 }, ...bound.preconditions],
    answer: execution,
    resource: ref.id,
    afterCommit: () => deps.leases.wake(),
  };
}

function startEvents(created: ReturnType<typeof create<typeof ExecutionCreatedSchema>>): readonly NewEvent[] {
  return [
    { event: { case: "created", value: created } },
    { event: { case: "phaseChanged", value: { phase: Phase.PENDING } } },
  ];
}

async function newSession(deps: StartDeps, { call, spec }: Asked): Promise<BoundSession> {
  const kind = requireKind(deps.resources.kinds, "Session");
  if (!spec.agent) throw invalid([{ field: "spec.agent", description: "is required where no session is named" }]);
  const draft = create(SessionSchema, {
    metadata: { generateName: prefixOf(spec.agent) },
    spec: { agent: spec.agent, workspace: spec.workspace, agentRevision: spec.agentRevision },
  });
  const session = (await newObject(deps.resources, kind, draft as Resource, call)) as Resource & Session;
  const key = { tenant: call.org, kind: kind.options.kind, id: metadataOf(session).id };
  return { session, previous: undefined, preconditions: [{ row: key, version: 0 }] };
}

async function joinSession(deps: StartDeps, { call, read, spec }: Asked): Promise<BoundSession> {
  const kind = requireKind(deps.resources.kinds, "Session");
  const row = await requireById(read, kind, { org: call.org, id: spec.sessionId });
  const session = fromRow(kind, row) as Resource & Session;
  const agent = session.spec?.agent ?? "";
  if (spec.agent && spec.agent !== agent) {
    throw invalid([{ field: "spec.agent", description: `the session belongs to the agent "${agent}"` }]);
  }
  const latest = session.status?.latestExecutionId;
  const previous = latest ? await deps.executions.load({ org: call.org, id: latest }) : undefined;
  if (previous && !isFinal(previous.status.phase)) {
    const message = `session "${row.name}" still runs execution ${previous.id}; wait for it or cancel it`;
    throw precondition("SESSION_BUSY", { execution: previous.id }, { message });
  }
  return { session, previous, preconditions: [{ row, version: row.version }] };
}

async function newExecution(
  deps: StartDeps,
  request: AgentExecution,
  of: { readonly call: Call; readonly agentName: string },
): Promise<AgentExecution> {
  const metadata = { ...metadataOf(request as Resource) };
  if (!metadata.name) metadata.generateName ||= prefixOf(of.agentName);
  const draft = create(AgentExecutionSchema, {
    metadata,
    ...(request.spec && { spec: { ...request.spec, agent: of.agentName } }),
  });
  return (await newObject(deps.resources, deps.executions.agentExecutionKind, draft as Resource, of.call)) as Resource &
    AgentExecution;
}

/** The agent as the session has it: in the revision with which the session was made. */
async function pinAgent(deps: StartDeps, { call, read }: Asked, { spec, status }: Session): Promise<PinnedAgent> {
  const kind = requireKind(deps.resources.kinds, "Agent");
  const name = spec?.agent ?? "";
  const row = await read.getByName({ tenant: call.org, kind: kind.options.kind, name });
  if (!row) throw dangling(`there is no Agent "${name}"`);
  const { keys } = deps.resources;
  const pinned = await atRevision({ read, keys }, kind, { row, revision: status?.agentRevision ?? "" });
  const agent = fromRow(kind, pinned.row) as Resource & Agent;
  const servers: PinnedServer[] = [];
  for (const usage of agent.spec?.mcpServers ?? [])
    servers.push(await pinServer(deps, { call, read, server: usage.name, agent: name }));
  return { spec: agent.spec ?? create(AgentSpecSchema), revision: pinned.digest, servers };
}

async function pinServer(
  deps: StartDeps,
  of: { readonly call: Call; readonly read: Reader; readonly server: string; readonly agent: string },
): Promise<PinnedServer> {
  const kind = requireKind(deps.resources.kinds, "McpServer");
  const row = await of.read.getByName({ tenant: of.call.org, kind: kind.options.kind, name: of.server });
  const server = row && (fromRow(kind, row) as Resource & McpServer);
  if (!server?.spec) throw dangling(`the agent "${of.agent}" uses the MCP server "${of.server}", which does not exist`);
  return create(PinnedServerSchema, { name: of.server, revision: server.status?.revision ?? "", spec: server.spec });
}

function dangling(description: string): Error {
  return invalid([{ field: "spec.agent", description }], "REFERENCE_NOT_FOUND");
}

function prefixOf(agent: string): string {
  return `${agent.slice(0, MAX_GENERATED_PREFIX)}-`;
}
