import { clone, create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack, anyUnpack, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import {
  type Agent,
  AgentCommandController,
  type AgentEventSchema,
  type AgentExecution,
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  AgentExecutionSchema,
  AgentQueryController,
  AgentSchema,
  type Approval,
  ApprovalCommandController,
  type ApprovalEventSchema,
  ApprovalQueryController,
  ApprovalSchema,
  ApprovalStatusSchema,
  type DecideApprovalRequest,
  ExecutionEventSchema,
  ExecutionQueryController,
  type JournalEntry,
  JournalEntrySchema,
  RunnerCommandController,
  RunnerQueryController,
  type RunnerSchema,
  SessionQueryController,
  type SubscribeRequest,
  type SubscribeResponse,
  SubscribeResponseSchema,
  VerifyExecutionResponseSchema,
  type WatchAgentsRequest,
  type WatchApprovalsRequest,
  WhyResponseSchema,
} from "@stigmer/contracts/agentic";
import {
  ApplyResponse_Action as Action,
  ApiResourceCommandController,
  ApiResourceQueryController,
  type ApplyRequest,
  type ApplyResponseSchema,
  WatchEventType,
} from "@stigmer/contracts/commons";
import { ServerInfoSchema, ServerQueryController } from "@stigmer/contracts/platform";
import { BadRequestSchema, ErrorInfoSchema, PreconditionFailureSchema } from "@stigmer/contracts/rpc";
import { entryHash } from "./execution/chain.ts";
import { registry } from "./kinds/registry.ts";

/** Just enough of a backend for commands to talk to. */
export type FakeBackend = {
  readonly agents: Map<string, Agent>;
  readonly approvals: Map<string, Approval>;
  /** Called where an execution is to begin or to change; may refuse. */
  start?: () => void;
  /** Called where an approval is to be decided; may refuse. */
  decide?: (request: DecideApprovalRequest) => void;
  /** What commands have asked for, newest last. */
  readonly requests: unknown[];
  /** What applies were asked for, and by whom. */
  readonly applied: { readonly request: ApplyRequest; readonly manager: string | null }[];
  /** What an apply says beside its action, and a diff says. */
  outcome: MessageInitShape<typeof ApplyResponseSchema>;
  /** Answers a subscription; by default the journal, whole. */
  subscribe: (request: SubscribeRequest, signal: AbortSignal) => AsyncIterable<SubscribeResponse>;
  /** Answers a watch; by default what is there, and then that the token is too old. */
  watch: (request: WatchAgentsRequest) => AsyncIterable<MessageInitShape<typeof AgentEventSchema>>;
  verify: MessageInitShape<typeof VerifyExecutionResponseSchema>;
  /** What every call that returns an execution returns. */
  execution: Pick<MessageInitShape<typeof AgentExecutionSchema>, "metadata" | "spec" | "status">;
  /** What an execution waits for. */
  why: MessageInitShape<typeof WhyResponseSchema>;
  /** Answers a watch of approvals; by default nothing changes until the call is given up. */
  watchApprovals: (request: WatchApprovalsRequest, signal: AbortSignal) => AsyncIterable<ApprovalChange>;
  /** What a runner is each time that it is read, the last one from then on. */
  readonly runners: MessageInitShape<typeof RunnerSchema>[];
  info: MessageInitShape<typeof ServerInfoSchema>;
  journal: readonly JournalEntry[];
  readonly routes: (router: ConnectRouter) => void;
};

export type ApprovalChange = MessageInitShape<typeof ApprovalEventSchema>;

export const EXECUTION_ID = "aex_01ARZ3NDEKTSV4RRFFQ69G5FAV";

export function createBackend(init: Partial<Pick<FakeBackend, "info" | "journal">> = {}): FakeBackend {
  const backend: FakeBackend = {
    agents: new Map(),
    approvals: new Map(),
    requests: [],
    applied: [],
    outcome: {},
    async *subscribe() {
      for (const entry of backend.journal) yield entryResponse(entry);
    },
    async *watch() {
      for (const object of backend.agents.values()) yield { type: WatchEventType.ADDED, object, resumeToken: "7" };
      yield { type: WatchEventType.BOOKMARK, resumeToken: "7" };
      throw refusal(Code.OutOfRange, "WATCH_TOKEN_EXPIRED");
    },
    verify: { valid: true },
    execution: { metadata: { name: "a1-x", id: EXECUTION_ID }, spec: { agent: "a1" } },
    why: {},
    async *watchApprovals(_, signal) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      signal.throwIfAborted();
    },
    runners: [{ metadata: { name: "bundled", id: "rnr_1" }, status: { connected: true, build: "ts 1" } }],
    info: { version: "9.9.9", implementation: "stigmer-daemon", pid: 4242n, ...init.info },
    journal: init.journal ?? [],
    routes(router) {
      serveAgents(router, backend);
      serveEveryKind(router, backend);
      serveExecutions(router, backend);
      serveApprovals(router, backend);
      router.service(ServerQueryController, { getInfo: () => create(ServerInfoSchema, backend.info) });
      serveRunners(router, backend);
    },
  };
  return backend;
}

export function agentOf(name: string, spec: MessageInitShape<typeof AgentSchema>["spec"] = {}): Agent {
  const createTime = timestampFromMs(Date.parse("2026-01-31T11:55:00Z"));
  return create(AgentSchema, {
    apiVersion: "agentic.stigmer.ai/v1",
    kind: "Agent",
    metadata: { name, id: `agt_${name.toUpperCase()}`, resourceVersion: "1", createTime },
    spec,
  });
}

/** A journal of events, chained as a backend chains it. */
export function journalOf(...events: MessageInitShape<typeof ExecutionEventSchema>[]): JournalEntry[] {
  let prevHash: Uint8Array<ArrayBufferLike> = new Uint8Array();
  return events.map((init, index) => {
    const time = timestampFromMs(Date.parse("2026-01-31T12:00:00Z") + index);
    const event = toBinary(ExecutionEventSchema, create(ExecutionEventSchema, { time, ...init }));
    const sequence = index + 1;
    const hash = entryHash(prevHash, sequence, event);
    const entry = create(JournalEntrySchema, { sequence: BigInt(sequence), prevHash, hash, event });
    prevHash = hash;
    return entry;
  });
}

export function entryResponse(entry: JournalEntry): SubscribeResponse {
  return create(SubscribeResponseSchema, { message: { case: "entry", value: entry } });
}

export function deltaResponse(text: string, offset: number, attempt = 1): SubscribeResponse {
  const value = { stepKey: "turn/1/model", attempt, offset: BigInt(offset), text };
  return create(SubscribeResponseSchema, { message: { case: "delta", value } });
}

export function refusal(
  code: Code,
  reason: string,
  of: {
    message?: string;
    metadata?: Record<string, string>;
    fields?: Record<string, string>;
    unmet?: Record<string, string>;
  } = {},
): ConnectError {
  const { message = reason, metadata = {}, fields = {}, unmet = {} } = of;
  const fieldViolations = Object.entries(fields).map(([field, description]) => ({ field, description }));
  return new ConnectError(message, code, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain: "stigmer.ai", metadata } },
    { desc: BadRequestSchema, value: { fieldViolations } },
    {
      desc: PreconditionFailureSchema,
      value: {
        violations: Object.entries(unmet).map(([subject, description]) => ({ type: "T", subject, description })),
      },
    },
  ]);
}

function serveAgents(router: ConnectRouter, backend: FakeBackend): void {
  const { agents, requests } = backend;
  const find = (matches: (agent: Agent) => boolean, name: string): Agent => {
    const agent = [...agents.values()].find(matches);
    if (agent) return agent;
    throw refusal(Code.NotFound, "RESOURCE_NOT_FOUND", {
      message: `agent "${name}" not found`,
      metadata: { kind: "Agent", name },
    });
  };
  router.service(AgentQueryController, {
    get: ({ id }) => find(({ metadata }) => metadata?.id === id, id),
    getByReference(reference) {
      requests.push(reference);
      const { name, showDeleted } = reference;
      return find(({ metadata }) => metadata?.name === name && (showDeleted || !metadata.deleteTime), name);
    },
    list(request) {
      requests.push(request);
      const { pageSize, pageToken } = request;
      const all = [...agents.values()];
      const start = Number(pageToken || 0);
      const end = start + Math.min(pageSize || 50, 2);
      return {
        items: all.slice(start, end),
        nextPageToken: end < all.length ? String(end) : "",
        resourceVersion: "7",
        resumeToken: "after-list",
      };
    },
    watch(request) {
      requests.push(request);
      return backend.watch(request);
    },
  });
  router.service(AgentCommandController, {
    create(agent) {
      requests.push(agent);
      return agent;
    },
    delete(request) {
      requests.push(request);
      const { id } = request;
      const agent = find(({ metadata }) => metadata?.id === id, id);
      agents.delete(agent.metadata?.name ?? "");
      return agent;
    },
    undelete(request) {
      requests.push(request);
      return find(({ metadata }) => metadata?.id === request.id, request.id);
    },
    purge(request) {
      requests.push(request);
      return agentOf("purged");
    },
    tag(request) {
      requests.push(request);
      return find(({ metadata }) => metadata?.id === request.id, request.id);
    },
  });
}

function serveEveryKind(router: ConnectRouter, backend: FakeBackend): void {
  const { agents, requests } = backend;
  router.service(ApiResourceQueryController, {
    diff(request) {
      requests.push(request);
      return backend.outcome;
    },
    search(request) {
      requests.push(request);
      const hit = { kind: "Agent", id: "agt_A", name: "a", path: "metadata.name" };
      return { hits: [hit], nextPageToken: request.pageToken ? "" : "2" };
    },
  });
  router.service(ApiResourceCommandController, {
    apply(request, { requestHeader }) {
      const { resource } = request;
      backend.applied.push({ request, manager: requestHeader.get("field-manager") });
      backend.start?.();
      const agent = resource && (anyUnpack(resource, registry) as Agent);
      const name = agent?.metadata?.name ?? "";
      requests.push(agent);
      if (agent?.$typeName !== AgentSchema.typeName) return { action: Action.CREATED };
      if (!agent.spec?.instructions) {
        const fields = { "spec.instructions": "must be at least 1 character" };
        throw refusal(Code.InvalidArgument, "INVALID_REQUEST", { fields });
      }
      const action = agents.has(name) ? Action.UPDATED : Action.CREATED;
      agents.set(name, agent);
      return { ...backend.outcome, action, resource: anyPack(AgentSchema, agent) };
    },
  });
}

function serveExecutions(router: ConnectRouter, backend: FakeBackend): void {
  const noted = (request: unknown): AgentExecution => {
    backend.requests.push(request);
    backend.start?.();
    return create(AgentExecutionSchema, backend.execution);
  };
  router.service(AgentExecutionCommandController, {
    create: noted,
    createBatch(request) {
      backend.requests.push(request);
      backend.start?.();
      return { executions: request.executions.map(({ spec }) => ({ metadata: { id: `aex_${spec?.message}` }, spec })) };
    },
    ...{ cancel: noted, terminate: noted, pause: noted, resume: noted, retry: noted, fork: noted },
    provideInput: noted,
  });
  router.service(AgentExecutionQueryController, {
    get: () => create(AgentExecutionSchema, backend.execution),
    getByReference: () => create(AgentExecutionSchema, backend.execution),
    list: () => ({ items: [backend.execution] }),
  });
  router.service(SessionQueryController, {
    getByReference: ({ name }) => ({
      metadata: { name, id: `ses_${name.toUpperCase()}` },
      spec: { agent: "of-session" },
    }),
  });
  router.service(ExecutionQueryController, {
    subscribe(request, { signal }) {
      backend.requests.push(request);
      return backend.subscribe(request, signal);
    },
    why: () => create(WhyResponseSchema, backend.why),
    verify: () =>
      create(VerifyExecutionResponseSchema, {
        entries: BigInt(backend.journal.length),
        head: backend.journal.at(-1)?.hash ?? new Uint8Array(),
        ...backend.verify,
      }),
  });
}

function serveRunners(router: ConnectRouter, { runners, requests }: FakeBackend): void {
  const read = () => (runners.length > 1 ? runners.shift() : runners[0]) ?? {};
  router.service(RunnerQueryController, {
    get: read,
    getByReference: read,
    list: () => ({ items: runners }),
  });
  router.service(RunnerCommandController, {
    drain(request) {
      requests.push(request);
      return read();
    },
  });
}

function serveApprovals(router: ConnectRouter, backend: FakeBackend): void {
  const { approvals, requests } = backend;
  const find = (id: string): Approval => {
    const approval = approvals.get(id);
    if (approval) return approval;
    throw refusal(Code.NotFound, "RESOURCE_NOT_FOUND", { metadata: { kind: "Approval", name: id } });
  };
  router.service(ApprovalQueryController, {
    get: ({ id }) => find(id),
    getByReference: ({ name }) => find(name),
    list(request) {
      requests.push(request);
      return { items: [...approvals.values()], resumeToken: "after-list" };
    },
    watch(request, { signal }) {
      requests.push(request);
      return backend.watchApprovals(request, signal);
    },
  });
  router.service(ApprovalCommandController, {
    decide(request) {
      requests.push(request);
      const approval = find(request.id);
      backend.decide?.(request);
      const { decision, comment, scope, arguments: args } = request;
      const decided = clone(ApprovalSchema, approval);
      decided.status = create(ApprovalStatusSchema, { decision, comment, scope, arguments: args });
      approvals.set(request.id, decided);
      return decided;
    },
  });
}
