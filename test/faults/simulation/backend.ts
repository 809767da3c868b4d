import { type Clock, exhausted, type Log, unsupported } from "@stigmer/base";
import { type Backend, type ComposeOptions, compose, contractServices } from "@stigmer/daemon/compose";
import { createKeys, createSealer, keyFiles } from "@stigmer/secrets";
import { bind, deadline, errors } from "@stigmer/server";
import type { Blobs, Store } from "@stigmer/store";
import { storeOver } from "@stigmer/store-leveldb";
import type { Disk } from "./disk.ts";
import type { Network } from "./network.ts";
import type { Trace } from "./trace.ts";
import { keyOf } from "./transport.ts";
import type { SimProcess, VirtualTime } from "./virtual-time.ts";

/** The daemon of the world: the real engine over the world's disk, composed anew whenever it starts. */
export interface BackendHost {
  /** Starts it and keeps it up from now on: whenever it ends, it is started again. */
  keepUp(): void;
  readonly isUp: boolean;
  /** The process that runs at this moment. */
  readonly process: SimProcess | undefined;
  /** Ends it without a chance to clean up. */
  crash(why: string): void;
  /** Ends it as SIGTERM does. */
  stop(): void;
  /** The daemon sees that a runner which it started has ended. */
  runnerExited(instance: string): void;
}

export type BackendDeps = {
  readonly time: VirtualTime;
  readonly clock: Clock;
  readonly network: Network;
  readonly disk: Disk;
  readonly trace: Trace;
  readonly log: Log;
  readonly resolve: NonNullable<ComposeOptions["resolve"]>;
  readonly leaseDurationMs: number;
  /** Puts a watch on the store. */
  readonly observe: (store: Store) => Store;
  /** Called when it serves; nothing is served to others before it returns. */
  readonly serves: () => void;
};

const CALL_MS = 30_000;
const DRAIN_MS = 5_000;
const AGAIN_MS = 300;

type Running = { readonly process: SimProcess; backend?: Backend; store?: Store; readonly draining: AbortController };

export function createBackendHost(deps: BackendDeps): BackendHost {
  const { time, network, trace } = deps;
  const outside = time.current();
  let running: Running | undefined;
  let count = 0;

  function start(): void {
    const mine: Running = { process: time.spawn(`backend-${++count}`), draining: new AbortController() };
    running = mine;
    trace.note(`${mine.process.name} starts`);
    const failed = (error: unknown): void => end(mine, `could not start: ${error}`);
    time.after(mine.process, 0, () => void boot(deps, mine).catch(failed));
  }

  function end(which: Running, why: string): void {
    if (running !== which) return;
    running = undefined;
    trace.note(`${which.process.name} ends: ${why}`);
    if (network.host?.process === which.process) network.host = undefined;
    network.cutAll(which.process);
    time.kill(which.process);
    time.after(outside, AGAIN_MS, start);
  }

  async function drain(which: Running): Promise<void> {
    which.draining.abort();
    await which.backend?.drain(DRAIN_MS);
    network.host = undefined;
    await which.store?.close();
    end(which, "stopped");
  }

  return {
    keepUp: start,
    get isUp() {
      return network.host !== undefined;
    },
    get process() {
      return running?.process;
    },
    crash: (why) => void (running && end(running, why)),
    stop() {
      const mine = running;
      if (!mine?.backend || mine.draining.signal.aborted) return;
      trace.note(`${mine.process.name} is told to stop`);
      time.after(mine.process, 0, () => void drain(mine).catch((error) => end(mine, `did not stop well: ${error}`)));
    },
    runnerExited: (instance) => {
      const mine = running;
      if (mine) time.after(mine.process, 5, () => mine.backend?.runnerExited(instance));
    },
  };
}

/** As the daemon does it: store, backend, listener, and only then the work. */
async function boot(deps: BackendDeps, mine: Running): Promise<void> {
  const { clock, log, disk, network } = deps;
  mine.store = deps.observe(await storeOver(disk.open(mine.process), { clock, log, beforeReopen: () => room(disk) }));
  const backend = compose({
    ...{
      store: mine.store,
      blobs: NO_BLOBS,
      keys: createKeys(MASTER_KEY),
      sealer: createSealer({ files: keyFiles("/nowhere") }),
      settings: () => ({ model: "sim/model" }),
      log,
      clock,
    },
    ...{ env: () => undefined, scriptsDir: "/nowhere", draining: mine.draining.signal },
    ...{ resolve: deps.resolve, leaseDurationMs: deps.leaseDurationMs },
  });
  await backend.prepare();
  network.host = { process: mine.process, methods: methodsOf(backend, deps) };
  mine.backend = backend;
  await backend.start();
  deps.serves();
}

const MASTER_KEY = new Uint8Array(32);

const refuse = () => Promise.reject(unsupported("FEATURE_NOT_CLAIMED", { service: "blobs" }));

/** The simulated disk holds a database and nothing else. */
const NO_BLOBS: Blobs = {
  limits: { maxBytes: 0, maxUnfinished: 0, unfinishedMs: 0 },
  ...{ append: refuse, stat: refuse, read: refuse },
  close: async () => {},
  [Symbol.asyncDispose]: async () => {},
};

/** A full disk is not opened again, as in a data folder. */
async function room(disk: Disk): Promise<void> {
  if (disk.isFull) throw exhausted("STORE_WRITE_FAILED", { dir: "memory", code: "ENOSPC" });
}

function methodsOf(backend: Backend, { clock, log }: BackendDeps) {
  const served = new Set(backend.handlers.map(({ method }) => keyOf(method)));
  const services = contractServices().filter(({ methods }) => methods.every((method) => served.has(keyOf(method))));
  const bound = bind({
    services,
    handlers: backend.handlers,
    unclaimed: [],
    pipeline: backend.pipeline,
    clock,
    callerOf: () => ({ subject: "tester", org: "local" }),
    interceptors: [errors(log), deadline(CALL_MS)],
  });
  return new Map(bound.map((method) => [keyOf(method.method), method]));
}
