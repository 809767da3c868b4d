import { create, createRegistry, type MessageInitShape } from "@bufbuild/protobuf";
import { conflict, invalid, notFound, silentLog, systemClock } from "@stigmer/base";
import { AgentCommandController, AgentQueryController, AgentSchema } from "@stigmer/contracts/agentic";
import { ServerReflection, ServerReflectionResponseSchema } from "@stigmer/contracts/grpc";
import { bidiStream, type Handler, type Pipeline, unary } from "@stigmer/resource";
import { agentsWatch } from "./agents-watch.fake.ts";
import { bind } from "./bind.ts";
import { deadline } from "./interceptors/deadline.ts";
import { errors } from "./interceptors/errors.ts";
import { type Listener, type ListenOptions, listen } from "./listen.ts";

/** A server of agents whose ids say what happens, with nothing behind it. */
export interface AgentsServer extends AsyncDisposable {
  readonly port: number;
  /** The reason for which the signal of a call that hangs was aborted, for each in order. */
  readonly aborts: readonly unknown[];
  /** Resolves when the next call that hangs has begun, or has been aborted. */
  next(what: "begun" | "aborted"): Promise<void>;
  /** How many events of watches were made so far. */
  produced(): number;
  stop(): void;
}

export const MAX_MESSAGE_BYTES = 64 * 1024;
export const GET = `/${AgentQueryController.typeName}/get`;
export const CREATE = `/${AgentCommandController.typeName}/create`;
export const WATCH = `/${AgentQueryController.typeName}/watch`;
/** Streams both ways: answers each message with its host, which says what happens. */
export const ECHO = `/${ServerReflection.typeName}/${ServerReflection.method.serverReflectionInfo.name}`;

const agent = (init: MessageInitShape<typeof AgentSchema>) => create(AgentSchema, init);

export async function startAgents(options: Partial<ListenOptions> = {}): Promise<AgentsServer> {
  const shutdown = new AbortController();
  const aborts: unknown[] = [];
  const waiting = { begun: [] as (() => void)[], aborted: [] as (() => void)[] };
  const hang = (signal: AbortSignal): Promise<never> => {
    signal.addEventListener("abort", () => {
      aborts.push(signal.reason);
      for (const resolve of waiting.aborted.splice(0)) resolve();
    });
    for (const resolve of waiting.begun.splice(0)) resolve();
    return new Promise(() => {});
  };
  const watch = agentsWatch({ failWith, hang: (signal) => void hang(signal) });
  const listener: Listener = await listen({
    ...{ hosts: ["127.0.0.1"], port: 0, registry: createRegistry(AgentSchema), shutdown: shutdown.signal },
    methods: methodsOf(hang, watch),
    limits: { maxMessageBytes: MAX_MESSAGE_BYTES, maxConnections: 2_000, maxConcurrentStreams: 256 },
    ...options,
  });
  return {
    port: listener.port,
    aborts,
    next: (what) => new Promise((resolve) => waiting[what].push(resolve)),
    produced: watch.produced,
    stop: () => shutdown.abort(),
    [Symbol.asyncDispose]: () => listener.close(0),
  };
}

function failWith(id: string): void {
  if (id === "missing") throw notFound("RESOURCE_NOT_FOUND", { kind: "Agent", name: "missing – “ä”\n%" });
  if (id === "moved") throw conflict("VERSION_MOVED", { current: 2, sent: 1 });
  if (id === "wrong") throw invalid([{ field: "spec.model", description: "is odd" }]);
  if (id === "broken") throw new TypeError("hunter2");
}

function methodsOf(hang: (signal: AbortSignal) => Promise<never>, watch: Handler) {
  const { get } = AgentQueryController.method;
  const { create: createMethod } = AgentCommandController.method;
  const handlers = [
    unary(get, async ({ id }, { signal, idempotencyKey, fieldManager }) => {
      if (id === "") return agent({});
      failWith(id);
      if (id === "hang") return await hang(signal);
      const size = /^large-(\d+)$/.exec(id)?.[1];
      if (size) return agent({ spec: { instructions: "x".repeat(Number(size)) } });
      return agent({ metadata: { id, name: idempotencyKey ?? "", displayName: fieldManager ?? "" } });
    }),
    unary(createMethod, async (request) => request),
    watch,
    bidiStream(ServerReflection.method.serverReflectionInfo, async function* (requests, { signal }) {
      for await (const { host } of requests) {
        failWith(host);
        if (host === "enough") return;
        if (host === "hang") await hang(signal);
        yield create(ServerReflectionResponseSchema, { validHost: host });
      }
    }),
  ];
  const services = [AgentQueryController, AgentCommandController, ServerReflection];
  const named = new Set(handlers.map(({ method }) => method));
  const rest = services.flatMap(({ methods }) => methods).filter((method) => !named.has(method));
  const refuse: Handler[] = rest.map((method) => ({
    shape: "unary",
    method,
    run: () => Promise.reject(new Error("not served")),
  }));
  const pipeline = { admit: async (_, call) => ({ ...call, org: "o" }) } as Pick<Pipeline, "admit"> as Pipeline;
  return bind({
    ...{ services, handlers: [...handlers, ...refuse], unclaimed: [], pipeline, clock: systemClock },
    interceptors: [errors(silentLog), deadline(30_000)],
    callerOf: () => ({ subject: "tester", org: "o" }),
  });
}
