import { setImmediate } from "node:timers/promises";
import type { DescService } from "@bufbuild/protobuf";
import { type Clock, createIds, createRedactor, type Log, type Redactor, unavailable } from "@stigmer/base";
import { capabilityHandlers, createSignIns, createToolServerMemory, problemOf } from "@stigmer/capability";
import { files } from "@stigmer/contracts/files";
import {
  agentExecutionHandlers,
  approvalHandlers,
  createProgressFeed,
  createRunningWork,
  createSteps,
  createTimers,
  executionQueryHandlers,
  requireKind,
  runnerHandlers,
  sealingKeyHandlers,
  whyHandlers,
} from "@stigmer/execution";
import { createBudgets, gatewayHandlers, modelHandlers, type Resolve, retryDelayMs } from "@stigmer/gateway";
import * as kindDefinitions from "@stigmer/kinds";
import { createSignIn } from "@stigmer/mcp-auth";
import {
  blobHandlers,
  createDataKeys,
  createKinds,
  createPipeline,
  createPurger,
  createRules,
  genericHandlers,
  type Handler,
  type MessageRules,
  type Pipeline,
  rowIndexes,
  verbHandlers,
} from "@stigmer/resource";
import type { Keys, Sealer } from "@stigmer/resource/port";
import { type Blobs, readWhole, type Store } from "@stigmer/store";
import { composeEngine } from "./compose-engine.ts";
import { composeModels } from "./compose-models.ts";
import { composeSecrets } from "./compose-secrets.ts";
import { localAuditor, localAuthorizer } from "./local-policy.ts";
import type { Settings } from "./settings.ts";

export type ComposeOptions = {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly keys: Keys;
  readonly sealer: Sealer;
  /** Masks secrets in whatever the backend records, streams and tells; one of its own unless told. */
  readonly redactor?: Redactor | undefined;
  readonly settings: () => Settings;
  /** Looks up one variable of the daemon's environment: providers' keys. */
  readonly env: (name: string) => string | undefined;
  readonly scriptsDir: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly draining: AbortSignal;
  /** Who serves a model; the providers that the settings name unless told. */
  readonly resolve?: Resolve | undefined;
  /** How long a runner's lease lasts after its last heartbeat; 15 s unless told. */
  readonly leaseDurationMs?: number | undefined;
  /** Executions that may wait for runners; 100,000 unless told. */
  readonly maxQueuedExecutions?: number | undefined;
};

/** Everything behind the socket, wired. */
export type Backend = {
  readonly pipeline: Pipeline;
  readonly handlers: readonly Handler[];
  /** Brings the store up to the kinds of this version; before anything is served. */
  prepare(): Promise<void>;
  start(): Promise<void>;
  /** Begins nothing new, waits for what runs, at most `graceMs`. */
  drain(graceMs: number): Promise<void>;
  runnerExited(instance: string): void;
  onRunnerConnect(listener: () => void): void;
};

const LEASE_DURATION_MS = 15_000;
/** Largest attachment that a model is sent; no provider takes larger ones. */
const MAX_ATTACHMENT_BYTES = 32 * 1024 * 1024;
export const MAX_SUBSCRIBERS = 256;
/** Executions that wait for runners; beyond that none can be created. */
export const MAX_QUEUED_EXECUTIONS = 100_000;

export function compose(options: ComposeOptions): Backend {
  const { store, blobs, keys, log, clock, leaseDurationMs = LEASE_DURATION_MS } = options;
  const ids = createIds(clock);
  const kinds = createKinds(Object.values(kindDefinitions));
  const rules = createRules();
  const dataKeys = createDataKeys({ store, sealer: options.sealer });
  const resources = {
    ...{ store, blobs, kinds, keys, dataKeys, clock, ids, log, rules },
    ...{ authorizer: localAuthorizer, auditor: localAuditor(store, log) },
  };
  const pipeline = createPipeline(resources);
  const { redactor = createRedactor() } = options;
  const secrets = composeSecrets(resources, redactor);
  const ending = composeEngine({ ...options, resources, leaseDurationMs, ...secrets });
  const { leases, live, runners } = ending;
  const wiring = { ...secrets, ending, pipeline, leaseDurationMs };
  const timers = createTimers({ ...ending, log });
  const handlers = handlersOf(options, wiring);
  const purger = createPurger(resources);
  return {
    pipeline,
    handlers,
    async prepare() {
      const rows = await store.reindex(rowIndexes(kinds));
      if (rows > 0) log.info({ rows }, "resources were indexed anew");
    },
    async start() {
      await leases.start();
      timers.start();
      purger.start();
      // Nothing that is sealed needs it before it is asked for; without the key it waits for the next start.
      void dataKeys.resume().catch((err) => log.warn({ err }, "the change of the sealing key is not finished"));
      void planAhead(rules);
    },
    async drain(graceMs) {
      purger.stop();
      leases.stop();
      timers.stop();
      await live.drain(graceMs, unavailable("SHUTTING_DOWN", {}, { message: "the backend is stopping" }));
    },
    onRunnerConnect: (listener) => void runners.onConnect(listener),
    runnerExited(instance) {
      runners.exited(instance);
      leases
        .exited(instance)
        .catch((err) => log.warn({ err, instance }, "leases of an ended runner were not released"));
    },
  };
}

type Wiring = ReturnType<typeof composeSecrets> & {
  readonly ending: ReturnType<typeof composeEngine>;
  readonly pipeline: Pipeline;
  readonly leaseDurationMs: number;
};

function handlersOf(options: ComposeOptions, { ending, pipeline, leaseDurationMs, ...secrets }: Wiring): Handler[] {
  const { blobs, keys, log, clock, draining, maxQueuedExecutions = MAX_QUEUED_EXECUTIONS } = options;
  const { resources, executions } = ending;
  const { store, kinds, ids, dataKeys } = resources;
  const { variables, mask, secret, keyIn } = secrets;
  const { choice, ...serving } = composeModels({ ...options, secret, env: keyIn(options.env) });
  const steps = createSteps({ ...ending, draining });
  const shared = {
    ...{ ...ending, models: choice, variables, mask, maxQueued: maxQueuedExecutions },
    ...{ store, kinds, pipeline, clock, ids, log, progress: createProgressFeed(clock) },
    ...createToolServerMemory(resources),
    signIns: createSignIns({ resources, mask, signIn: createSignIn() }),
  };
  return [
    ...verbHandlers({ ...resources, running: createRunningWork(shared) }, pipeline),
    ...genericHandlers(resources, pipeline),
    ...blobHandlers(blobs),
    ...sealingKeyHandlers({ dataKeys, pipeline }),
    ...agentExecutionHandlers(shared),
    ...approvalHandlers({ ...shared, problemOf }),
    ...whyHandlers(shared),
    ...executionQueryHandlers({ ...shared, maxSubscribers: MAX_SUBSCRIBERS }),
    ...runnerHandlers({ ...shared, runnerKind: requireKind(kinds, "Runner"), leaseDurationMs }),
    ...gatewayHandlers({
      ...{ ...serving, steps, executions, clock, log, retryDelayMs, budgets: createBudgets() },
      readBlob: (org, digest) => readWhole(blobs, { tenant: org, digest }, MAX_ATTACHMENT_BYTES),
    }),
    ...modelHandlers({ ...shared, ...serving, keys, executionKind: executions.agentExecutionKind }),
    ...capabilityHandlers({ ...shared, steps, returnBy: clock.monotonic() + leaseDurationMs }),
  ];
}

/** Plans the rules of all requests beside serving, so that neither the start nor a first request waits for all of them. */
async function planAhead(rules: MessageRules): Promise<void> {
  for (const { input } of contractServices().flatMap(({ methods }) => methods)) {
    await setImmediate();
    rules.plan(input);
  }
}

/** Every service of the contract, and gRPC's own. */
export function contractServices(): readonly DescService[] {
  return files.flatMap((file) => file.services);
}
