import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@stigmer/client";
import { connectTo } from "@stigmer/client/node";

export const ROOT = join(import.meta.dirname, "../..");
/** What `make build` makes; the tests run what users run. */
const LIB = join(ROOT, "dist/lib");

/** A daemon of its own: its own home, its own port. */
export interface TestDaemon {
  readonly home: string;
  readonly url: string;
  readonly client: Client;
  readonly process: ChildProcess;
  /** What it logged so far. */
  log(): string;
  runnerPid(): number | undefined;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>;
  /** Starts it again, on the same home and port. */
  restart(): Promise<void>;
  /** Another client, with a connection of its own; the caller closes it. */
  newClient(attempts?: number): Client;
}

export type DaemonSetup = {
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly home?: string;
  /** What is started; unless told, what `make build` made. */
  readonly program?: string;
};

const START_MS = 20_000;

export async function startDaemon(setup: DaemonSetup = {}): Promise<TestDaemon & AsyncDisposable> {
  const home = setup.home ?? mkdtempSync(join(tmpdir(), "stigmer-e2e-"));
  mkdirSync(join(home, "logs"), { recursive: true });
  if (setup.config !== undefined) writeFileSync(join(home, "config.yaml"), setup.config);
  let child = launch(home, "0", setup);
  let disposed = false;
  const url = await waitForUrl(home, child);
  const port = new URL(url).port;
  const client = connectTo({ url, attempts: 10 });
  return {
    home,
    url,
    client,
    get process() {
      return child;
    },
    log: () => readFileSync(join(home, "logs/daemon.log"), "utf8"),
    runnerPid: () => readPid(join(home, "data/runner.json")),
    kill: () => ended(child, "SIGKILL"),
    stop: () => ended(child, "SIGTERM"),
    newClient: (attempts = 10) => connectTo({ url, attempts }),
    async restart() {
      if (disposed) return; // the test has failed meanwhile
      rmSync(join(home, "data/daemon.json"), { force: true });
      child = launch(home, port, setup);
      await waitForUrl(home, child);
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      client.close();
      const runner = readPid(join(home, "data/runner.json"));
      await ended(child, "SIGTERM");
      if (runner) endQuietly(runner);
      if (!setup.home) rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Resolves to the first defined answer of `look`, which is asked again every 10 ms. */
export async function eventually<T>(
  look: () => T | undefined | Promise<T | undefined>,
  what: string,
  timeoutMs = 20_000,
): Promise<T> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function launch(home: string, port: string, { env = {}, program }: DaemonSetup): ChildProcess {
  const log = openSync(join(home, "logs/daemon.log"), "a");
  const base = { PATH: process.env.PATH ?? "", HOME: home, STIGMER_HOME: home, STIGMER_PORT: port };
  const asTheCliDoes = { MALLOC_ARENA_MAX: "2", NODE_COMPILE_CACHE: join(LIB, "../compiled") };
  return spawn(process.execPath, ["--max-semi-space-size=8", program ?? join(LIB, "stigmer-daemon.mjs")], {
    stdio: ["ignore", log, log],
    env: { ...asTheCliDoes, ...base, ...env },
  });
}

async function waitForUrl(home: string, child: ChildProcess): Promise<string> {
  const path = join(home, "data/daemon.json");
  const found = await eventually(
    () => {
      if (child.exitCode !== null)
        return new Error(
          `the daemon ended with ${child.exitCode}: ${readFileSync(join(home, "logs/daemon.log"), "utf8")}`,
        );
      if (!existsSync(path)) return undefined;
      const record = JSON.parse(readFileSync(path, "utf8"));
      return record.pid === child.pid ? String(record.url) : undefined;
    },
    "the daemon's record",
    START_MS,
  );
  if (found instanceof Error) throw found;
  return found;
}

function readPid(path: string): number | undefined {
  try {
    return Number(JSON.parse(readFileSync(path, "utf8")).pid);
  } catch {
    return undefined;
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}

function endQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended by itself
  }
}
