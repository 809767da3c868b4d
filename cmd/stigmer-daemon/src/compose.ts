import { setImmediate } from "node:timers/promises";
import type { DescService } from "@bufbuild/protobuf";
import { type Clock, createIds, type Log, unavailable } from "@stigmer/base";
import { capabilityHandlers, problemOf } from "@stigmer/capability";
import { files } from "@stigmer/contracts/files";
import {
  agentExecutionHandlers,
  approvalHandlers,
  createExecutions,
  createHub,
  createLeases,
  createLiveSteps,
  createRunners,
  createRunningWork,
  createSteps,
  createTimers,
  executionQueryHandlers,
  requireKind,
  runnerHandlers,
  whyHandlers,
} from "@stigmer/execution";
import { createModelChoice, type GatewayDeps, gatewayHandlers, retryDelayMs } from "@stigmer/gateway";
import * as kindDefinitions from "@stigmer/kinds";
import { createProviders } from "@stigmer/model-providers";
import {
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
import type { Keys } from "@stigmer/resource/port";
import type { Store } from "@stigmer/store";
import { localAuditor, localAuthorizer } from "./local-policy.ts";
import type { Settings } from "./settings.ts";

export type ComposeOptions = {
  readonly store: Store;
  readonly keys: Keys;
  readonly settings: () => Settings;
  /** Looks up one variable of the daemon's environment: providers' keys. */
  readonly env: (name: string) => string | undefined;
  readonly scriptsDir: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly draining: AbortSignal;
  /** Who serves a model; the providers that the settings name unless told. */
  readonly resolve?: GatewayDeps["resolve"] | undefined;
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
export const MAX_SUBSCRIBERS = 256;
/** Executions that wait for runners; beyond that none can be created. */
export const MAX_QUEUED_EXECUTIONS = 100_000;

export function compose(options: ComposeOptions): Backend {
  const { store, keys, log, clock, draining, leaseDurationMs = LEASE_DURATION_MS } = options;
  const ids = createIds(clock);
  const kinds = createKinds(Object.values(kindDefinitions));
  const rules = createRules();
  const resources = {
    ...{ store, kinds, keys, clock, ids, log, rules },
    ...{ authorizer: localAuthorizer, auditor: localAuditor(store, log) },
  };
  const pipeline = createPipeline(resources);
  const hub = createHub();
  const live = createLiveSteps(hub);
  const runners = createRunners({ clock, quietAfterMs: leaseDurationMs });
  const executions = createExecutions({ store, kinds, clock, hub });
  const leases = createLeases({ store, executions, runners, clock, log, durationMs: leaseDurationMs });
  const configured = (model: string) =>
    createProviders(options.settings(), options.env, { scriptsDir: options.scriptsDir }).resolve(model);
  const resolve = options.resolve ?? configured;
  const models = createModelChoice({ defaultModel: () => options.settings().model, resolve });
  const ending = { resources, executions, leases, live, runners, hub };
  const steps = createSteps({ ...ending, draining });
  const timers = createTimers({ ...ending, log });
  const starting = { ...ending, models, maxQueued: options.maxQueuedExecutions ?? MAX_QUEUED_EXECUTIONS };
  const shared = { ...starting, store, kinds, pipeline, clock, ids, log };
  const handlers = [
    ...verbHandlers({ ...resources, running: createRunningWork(shared) }, pipeline),
    ...genericHandlers(resources, pipeline),
    ...agentExecutionHandlers(shared),
    ...approvalHandlers({ ...shared, problemOf }),
    ...whyHandlers(shared),
    ...executionQueryHandlers({ ...shared, maxSubscribers: MAX_SUBSCRIBERS }),
    ...runnerHandlers({ ...shared, runnerKind: requireKind(kinds, "Runner"), leaseDurationMs }),
    ...gatewayHandlers({ steps, hub, clock, log, resolve, retryDelayMs }),
    ...capabilityHandlers({ ...shared, steps, returnBy: clock.monotonic() + leaseDurationMs }),
  ];
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
