import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRegistry } from "@bufbuild/protobuf";
import { type Clock, createRedactor, type Redactor, systemClock } from "@stigmer/base";
import { files } from "@stigmer/contracts/files";
import { createKeys, createSealer, keychain, keyFiles, openMasterKey } from "@stigmer/secrets";
import {
  bind,
  deadline,
  errors,
  healthHandlers,
  infoHandlers,
  listen,
  reflectionHandlers,
  requestLog,
  type Unclaimed,
} from "@stigmer/server";
import type { BlobLimits, Blobs } from "@stigmer/store";
import { openFileBlobs, openLevelStore } from "@stigmer/store-leveldb";
import type { Logger } from "pino";
import { compose, contractServices, MAX_QUEUED_EXECUTIONS, MAX_SUBSCRIBERS } from "./compose.ts";
import { LOCAL_ORG } from "./local-policy.ts";
import { startTimeOf } from "./processes.ts";
import { superviseRunner } from "./runner-process.ts";
import { type Settings, settingsFile } from "./settings.ts";
import { VERSION } from "./version.ts";

export type DaemonOptions = {
  /** `~/.stigmer` unless STIGMER_HOME says otherwise. */
  readonly home: string;
  /** Overrides the settings' port; 0 takes a free one. */
  readonly port: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The bundled runner's script; none is started where there is none. */
  readonly runnerEntry: string | undefined;
  readonly user: string;
  readonly log: Logger;
  /** Knows the secrets that are in use; whoever writes the log's lines masks them with it. One of the daemon's own unless told. */
  readonly redactor?: Redactor;
  /** The machine's unless told. */
  readonly clock?: Clock;
  /** Opens the store; on LevelDB unless told. */
  readonly openStore?: typeof openLevelStore;
  /** How long a runner's lease lasts after its last heartbeat; what the settings say unless told. */
  readonly leaseDurationMs?: number;
  /** Executions that may wait for runners; 100,000 unless told. */
  readonly maxQueuedExecutions?: number;
  /** How long a stop waits for steps that run; 5 s unless told. */
  readonly drainMs?: number;
};

/** A daemon that serves. */
export interface Daemon {
  readonly url: string;
  /** Takes nothing new, lets what runs end for a while, then closes the store. */
  stop(): Promise<void>;
}

const DEFAULT_PORT = 50_051;
const DEFAULT_SLOTS = 8;
const DRAIN_MS = 5_000;
const RUNNER_GRACE_MS = 5_000;
const CLOSE_MS = 2_000;
const UNCLAIMED: readonly Unclaimed[] = [];
const LIMITS = {
  maxMessageBytes: 4n * 1024n * 1024n,
  maxConnections: 1024,
  maxConcurrentStreams: 256,
  unaryDeadlineMs: 30_000n,
  maxSubscribers: MAX_SUBSCRIBERS,
  maxQueuedExecutions: MAX_QUEUED_EXECUTIONS,
};

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { home, log } = options;
  const dataDir = join(home, "data");
  const settings = settingsFile(join(home, "config.yaml"));
  const port = options.port ?? settings().port ?? DEFAULT_PORT;
  const clock = options.clock ?? systemClock;
  const store = await (options.openStore ?? openLevelStore)({ dir: dataDir, log, clock });
  const draining = new AbortController();
  const shutdown = new AbortController();
  try {
    const env = (name: string): string | undefined => options.env[name];
    const blobs = await openFileBlobs({ dir: dataDir, log, clock });
    const redactor = options.redactor ?? createRedactor();
    const backend = compose({
      redactor,
      ...{ store, blobs },
      keys: createKeys(openMasterKey(join(home, "master.key"))),
      sealer: sealerOf(options),
      settings,
      ...{ env, log, clock },
      scriptsDir: join(home, "scripts"),
      draining: draining.signal,
      maxQueuedExecutions: options.maxQueuedExecutions,
      leaseDurationMs: options.leaseDurationMs ?? leaseDurationOf(settings()),
    });
    const methods = bindAll(options, { backend, blobs, dataDir, draining: draining.signal, mask: redactor.text });
    const { maxConnections, maxConcurrentStreams } = LIMITS;
    const limits = { maxMessageBytes: Number(LIMITS.maxMessageBytes), maxConnections, maxConcurrentStreams };
    const registry = createRegistry(...files);
    const hosts = ["127.0.0.1", "::1"];
    await backend.prepare();
    const listener = await listen({ hosts, port, methods, registry, limits, log, shutdown: shutdown.signal });
    const url = `http://127.0.0.1:${listener.port}`;
    await backend.start();
    const runner = runnerOf(options, {
      url,
      dataDir,
      slots: settings().runner?.slots ?? DEFAULT_SLOTS,
      onExit: backend.runnerExited,
    });
    if (runner) backend.onRunnerConnect(runner.connected);
    const record = writeRecord(dataDir, url);
    runner?.start();
    log.info({ url, dataDir, version: VERSION }, "daemon serves");
    return {
      url,
      async stop() {
        draining.abort();
        await backend.drain(options.drainMs ?? DRAIN_MS);
        shutdown.abort();
        await Promise.all([listener.close(CLOSE_MS), runner?.stop(RUNNER_GRACE_MS)]);
        rmSync(record, { force: true });
        await blobs.close();
        await store.close();
        log.info({}, "daemon stopped");
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Master keys go to the machine's keychain where it has one, unless the environment says that it is not to be used. */
function sealerOf({ home, env }: DaemonOptions) {
  const files = keyFiles(join(home, "keys"));
  return createSealer({ files, keychain: env.STIGMER_KEYCHAIN === "off" ? undefined : keychain() });
}

function leaseDurationOf({ runner }: Settings): number | undefined {
  return runner?.leaseDuration === undefined ? undefined : runner.leaseDuration * 1000;
}

type Wiring = {
  readonly backend: ReturnType<typeof compose>;
  readonly blobs: Blobs;
  readonly dataDir: string;
  readonly draining: AbortSignal;
  readonly mask: (text: string) => string;
};

function bindAll(options: DaemonOptions, { backend, blobs, dataDir, draining, mask }: Wiring) {
  const services = contractServices();
  const names = services.map(({ typeName }) => typeName);
  const identity = { version: VERSION, implementation: "stigmer-daemon", pid: process.pid, dataDir };
  const caller = { subject: options.user, org: LOCAL_ORG };
  return bind({
    services,
    unclaimed: UNCLAIMED,
    pipeline: backend.pipeline,
    clock: systemClock,
    callerOf: () => caller,
    interceptors: [
      errors(options.log, mask),
      requestLog(options.log, systemClock),
      deadline(Number(LIMITS.unaryDeadlineMs)),
    ],
    handlers: [
      ...backend.handlers,
      ...infoHandlers({ identity, services, unclaimed: UNCLAIMED, limits: limitsWith(blobs.limits) }),
      ...healthHandlers({ services: names, draining }),
      ...reflectionHandlers(files, names),
    ],
  });
}

function limitsWith({ maxBytes, maxUnfinished, unfinishedMs }: BlobLimits) {
  const blobs = { maxUnfinishedBlobs: maxUnfinished, unfinishedBlobMs: BigInt(unfinishedMs) };
  return { ...LIMITS, ...blobs, maxBlobBytes: BigInt(maxBytes) };
}

function runnerOf(
  options: DaemonOptions,
  of: {
    readonly url: string;
    readonly dataDir: string;
    readonly slots: number;
    readonly onExit: (instance: string) => void;
  },
) {
  if (!options.runnerEntry) return undefined;
  const logs = join(options.home, "logs");
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  const { url: endpoint, dataDir, slots, onExit } = of;
  const { env, log, runnerEntry: entry } = options;
  return superviseRunner({ entry, endpoint, dataDir, slots, onExit, env, log, logFile: join(logs, "runner.log") });
}

/** Tells clients on this machine where the daemon is, and which process it is. */
function writeRecord(dataDir: string, url: string): string {
  const path = join(dataDir, "daemon.json");
  const record = { pid: process.pid, startTime: startTimeOf(process.pid) ?? "", url, version: VERSION };
  writeFileSync(`${path}.tmp`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
  return path;
}
