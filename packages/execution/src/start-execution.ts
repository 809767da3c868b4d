import { clone, create, type MessageInitShape } from "@bufbuild/protobuf";
import { exhausted, invalid } from "@stigmer/base";
import {
  type AgentExecution,
  AgentExecutionSchema,
  type AgentExecutionSpec,
  AgentExecutionSpecSchema,
  AgentExecutionStatusSchema,
  type CreateAgentExecutionsRequest,
  type CreateAgentExecutionsResponse,
  CreateAgentExecutionsResponseSchema,
  ExecutionCreatedSchema,
  type ExecutionLimits,
  ExecutionPhase as Phase,
  type Session,
  SessionSchema,
} from "@stigmer/contracts/agentic";
import {
  type Call,
  concealed,
  fromRow,
  type KeyStorage,
  metadataOf,
  newObject,
  newSealed,
  type Plan,
  type Resource,
  requireById,
  toRow,
} from "@stigmer/resource";
import type { Batch, Precondition } from "@stigmer/store";
import { checkAttachments } from "./check-attachments.ts";
import type { EndingDeps } from "./ending.ts";
import { type NewEvent, stamp } from "./execution-ref.ts";
import { type Beginning, mergeBatches } from "./executions.ts";
import { foldStatus } from "./fold-status.ts";
import { smallestLimits } from "./limits.ts";
import { type PinnedAgent, pinAgent } from "./pin-agent.ts";
import { requireKind } from "./require-kind.ts";
import { dueTask, joinQueue } from "./session-queue.ts";
import { startingSources } from "./start-variables.ts";
import { emptyState } from "./state.ts";
import type { Variables } from "./variables.ts";

/** A model, and how much it takes. */
export type ChosenModel = {
  readonly model: string;
  /** In tokens, request and answer together; 0 where that is not known. */
  readonly contextWindow: number;
};

/** Chooses the model of an execution. */
export interface ModelChoice {
  /**
   * The first of the candidates that is set, or the backend's default. Throws `MODEL_NOT_SET` or `PROVIDER_NOT_CONFIGURED`, and
   * `MODEL_PRICE_UNKNOWN` where cost has a limit that could not be kept.
   */
  choose(candidates: readonly string[], limits: ExecutionLimits): Promise<ChosenModel>;
  /** The bounds that the backend sets to every execution. */
  limits(): ExecutionLimits;
}

export type StartDeps = EndingDeps & {
  readonly models: ModelChoice;
  readonly variables: Variables;
  /** From now on these are masked. */
  readonly mask: (secrets: readonly string[]) => void;
  /** Executions that may wait for runners at once. */
  readonly maxQueued: number;
};

type BoundSession = { readonly session: Session; readonly precondition: Precondition };

/** A new execution, and what stores it. */
export type Start = {
  readonly execution: AgentExecution;
  readonly id: string;
  readonly batch: Batch;
  readonly preconditions: readonly Precondition[];
  /** To be called once that is stored. */
  readonly stored: () => void;
};

const MAX_GENERATED_PREFIX = 57;

/** Record, session, journal and task are one commit: an execution that was acknowledged will run. */
export async function planStart(deps: StartDeps, request: AgentExecution, call: Call): Promise<Plan<AgentExecution>> {
  requireRoom(deps, 1);
  const start = await startOne(deps, request, { call, pin: pinOnce(deps, call.org) });
  const { execution, id, batch, preconditions } = start;
  const afterCommit = (): void => {
    start.stored();
    deps.leases.wake(batch.tasks);
  };
  return { batch, preconditions, answer: execution, resource: id, afterCommit };
}

/** As `planStart`, for all of them in one commit. */
export async function planStarts(
  deps: StartDeps,
  { executions }: CreateAgentExecutionsRequest,
  call: Call,
): Promise<Plan<CreateAgentExecutionsResponse>> {
  requireRoom(deps, executions.length);
  requireOwnSessions(executions);
  const starts: Start[] = [];
  const pin = pinOnce(deps, call.org);
  for (const request of executions) starts.push(await startOne(deps, request, { call, pin }));
  const batch = mergeBatches(...starts.map((start) => start.batch));
  return {
    batch,
    preconditions: starts.flatMap(({ preconditions }) => preconditions),
    answer: create(CreateAgentExecutionsResponseSchema, { executions: starts.map(({ execution }) => execution) }),
    resource: starts[0]?.id ?? "",
    afterCommit: () => {
      for (const { stored } of starts) stored();
      deps.leases.wake(batch.tasks);
    },
  };
}

/** Refuses with `LIMIT_REACHED` where so many more executions may not wait for runners. */
export function requireRoom({ resources, maxQueued }: StartDeps, more: number): void {
  if (resources.store.backlog() + more <= maxQueued) return;
  const message = `${maxQueued} executions wait for runners already`;
  throw exhausted("LIMIT_REACHED", { limit: "queued executions" }, { message });
}

function requireOwnSessions(executions: readonly AgentExecution[]): void {
  const seen = new Set<string>();
  for (const [at, { spec }] of executions.entries()) {
    const id = spec?.sessionId;
    if (id && seen.has(id)) {
      throw invalid([{ field: `executions[${at}].spec.sessionId`, description: "stands in the batch twice" }]);
    }
    if (id) seen.add(id);
  }
}

type Pin = (name: string, revision: string) => Promise<PinnedAgent>;

/** Looks each agent up once, however many of a batch name it. */
function pinOnce({ resources }: StartDeps, org: string): Pin {
  const pinned = new Map<string, Promise<PinnedAgent>>();
  return (name, revision) => {
    const key = `${name} ${revision}`;
    const known = pinned.get(key) ?? pinAgent(resources, { org, name, revision });
    pinned.set(key, known);
    return known;
  };
}

async function startOne(
  deps: StartDeps,
  request: AgentExecution,
  { call, pin }: { readonly call: Call; readonly pin: Pin },
): Promise<Start> {
  const { spec } = request;
  if (!spec) throw invalid([{ field: "spec", description: "is required" }]);
  const bound = spec.sessionId ? await joinSession(deps, spec, call) : await newSession(deps, spec, call);
  const revision = bound.session.status?.agentRevision ?? "";
  const agent = await pin(bound.session.spec?.agent ?? "", revision);
  return await startExecution(deps, call, { bound, agent, metadata: request.metadata, spec });
}

/** What an execution begins with, beside its agent and its session. */
export type Starting = {
  readonly bound: BoundSession;
  readonly agent: PinnedAgent;
  readonly metadata: AgentExecution["metadata"];
  readonly spec: Pick<AgentExecutionSpec, "message" | "model" | "limits"> &
    Partial<Pick<AgentExecutionSpec, "planFirst" | "attachments" | "values">>;
  /** Bounds of the execution that it comes from: those that it works for, or goes on from. */
  readonly outer?: ExecutionLimits | undefined;
  /** More of what is pinned in the first event: a fork's origin, a sub-agent's parent. */
  readonly created?: MessageInitShape<typeof ExecutionCreatedSchema>;
  readonly fork?: Beginning["fork"];
};

export async function startExecution(deps: StartDeps, call: Call, starting: Starting): Promise<Start> {
  const { bound, agent, spec } = starting;
  const { session } = bound;
  await checkAttachments(deps.resources, call.org, spec.attachments ?? []);
  const { environments, values } = await startingSources(deps, call, { agent, session, values: spec.values ?? [] });
  const { execution, storage } = await newExecution(deps, call, starting);
  const id = metadataOf(execution as Resource).id;
  const ref = { org: call.org, id };
  const previousExecutionId = session.status?.latestExecutionId ?? "";
  const isItsTurn = session.status !== undefined && joinQueue(session, id);
  const created = create(ExecutionCreatedSchema, {
    ...{ sessionId: metadataOf(session as Resource).id, agent: agent.name, agentRevision: agent.revision },
    ...{ attachments: spec.attachments ?? [], skills: [...agent.skills] },
    ...{ spec: agent.spec, servers: [...agent.servers], ...(await choices(deps, starting)) },
    ...{ environments: [...environments], values: { ...values } },
    ...{ message: spec.message, workspace: session.spec?.workspace ?? "", requestedBy: call.caller.subject },
    ...{ previousExecutionId, planFirst: agent.spec.planFirst || spec.planFirst === true, ...starting.created },
  });
  const events: NewEvent[] = [
    { event: { case: "created", value: created } },
    { event: { case: "phaseChanged", value: { phase: Phase.PENDING } } },
  ];
  const status = clone(AgentExecutionStatusSchema, (starting.fork?.inherited ?? emptyState(id)).status);
  for (const [at, event] of stamp(deps.resources.clock, events).entries()) foldStatus(status, event, at + 1);
  execution.status = status;
  const row = toRow(deps.executions.agentExecutionKind, call.org, execution as Resource);
  const sessionRow = toRow(requireKind(deps.resources.kinds, "Session"), call.org, session as Resource);
  const beginning = { events, ...(starting.fork && { fork: starting.fork }) };
  const dueAt = isItsTurn ? deps.resources.clock.now() : undefined;
  const task = dueTask(ref, { ...emptyState(id), created }, dueAt);
  const { batch: journal, stored } = deps.executions.firstEntries(ref, beginning);
  return {
    ...{ execution: concealed(deps.executions.agentExecutionKind, execution as Resource & AgentExecution), id },
    batch: mergeBatches(journal, { puts: [row, sessionRow, ...storage.puts], tasks: [task] }),
    preconditions: [{ row, version: 0 }, bound.precondition, ...storage.preconditions],
    stored,
  };
}

/** Model and limits: the one from the most specific layer, the others the smallest of all layers. */
async function choices(deps: StartDeps, { bound, agent, spec, outer }: Starting) {
  const session = bound.session.spec;
  const limits = smallestLimits([deps.models.limits(), agent.spec.limits, session?.limits, spec.limits, outer]);
  const chosen = await deps.models.choose([spec.model, session?.model ?? "", agent.spec.model], limits);
  return { limits, model: chosen.model, contextWindow: BigInt(chosen.contextWindow) };
}

/** A session of its own, with its agent as it is pinned. */
export async function newSession(
  deps: StartDeps,
  spec: Pick<AgentExecutionSpec, "agent" | "workspace" | "agentRevision" | "environments">,
  call: Call,
): Promise<BoundSession> {
  const kind = requireKind(deps.resources.kinds, "Session");
  if (!spec.agent) throw invalid([{ field: "spec.agent", description: "is required where no session is named" }]);
  const { agent, workspace, agentRevision, environments } = spec;
  const metadata = { generateName: prefixOf(agent) };
  const draft = create(SessionSchema, { metadata, spec: { agent, workspace, agentRevision, environments } });
  const session = (await newObject(deps.resources, kind, draft as Resource, call)) as Resource & Session;
  const key = { tenant: call.org, kind: kind.options.kind, id: metadataOf(session).id };
  return { session, precondition: { row: key, version: 0 } };
}

async function joinSession(deps: StartDeps, spec: AgentExecutionSpec, call: Call): Promise<BoundSession> {
  const kind = requireKind(deps.resources.kinds, "Session");
  const row = await requireById(deps.resources.store, kind, { org: call.org, id: spec.sessionId });
  const session = fromRow(kind, row) as Resource & Session;
  const agent = session.spec?.agent ?? "";
  if (spec.agent && spec.agent !== agent) {
    throw invalid([{ field: "spec.agent", description: `the session belongs to the agent "${agent}"` }]);
  }
  return { session, precondition: { row, version: row.version } };
}

type NewExecution = { readonly execution: AgentExecution; readonly storage: KeyStorage };

/** Its own values are sealed in its record; a secret in its message is masked there too. */
async function newExecution(deps: StartDeps, call: Call, starting: Starting): Promise<NewExecution> {
  const { bound, agent } = starting;
  const metadata = { ...metadataOf({ metadata: starting.metadata } as Resource) };
  if (!metadata.name) metadata.generateName ||= prefixOf(agent.name);
  const { message, model, limits, planFirst = false, attachments = [], values = [] } = starting.spec;
  const draft = create(AgentExecutionSchema, { metadata });
  draft.spec = create(AgentExecutionSpecSchema, {
    agent: agent.name,
    message: deps.executions.redaction.text(message),
    ...{ model, planFirst, attachments, values },
    ...(limits && { limits }),
  });
  const kind = deps.executions.agentExecutionKind;
  const { next, storage } = await newSealed(deps.resources, kind, draft as Resource, call);
  const execution = next as Resource & AgentExecution;
  if (execution.spec) execution.spec.sessionId = metadataOf(bound.session as Resource).id;
  return { execution, storage };
}

function prefixOf(agent: string): string {
  return `${agent.slice(0, MAX_GENERATED_PREFIX)}-`;
}
