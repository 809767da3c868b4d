import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "@stigmer/base";
import { startTimeOf } from "./processes.ts";

export type RunnerOptions = {
  /** The runner's script. */
  readonly entry: string;
  readonly endpoint: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly slots: number;
  /** The daemon's own environment; only what a runner needs is passed on, so that it holds no provider's key. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Called as soon as the runner's process is seen to have ended, again where an earlier daemon may not have got to it. */
  readonly onExit: (instance: string) => void;
};

/** The bundled runner, kept alive. */
export interface RunnerProcess {
  start(): void;
  /** A runner has connected: the next one that ends is replaced at once. */
  connected(): void;
  /** Ends the runner: asks it, and after `graceMs` ends it. */
  stop(graceMs: number): Promise<void>;
}

type Running = {
  readonly pid: number;
  readonly startTime: string;
  readonly instance: string;
  /** Where it connects to. */
  readonly endpoint: string;
};

const POLL_MS = 100;
const CONNECTED_BACKOFF_MS = 20;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;
const PASSED_ON =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_.*|TZ|TMPDIR|TERM|XDG_.*|SSL_CERT_.*|NODE_EXTRA_CA_CERTS|NODE_COMPILE_CACHE)$/;

/**
 * Adopts the runner that an earlier daemon left, else starts one; starts another whenever it ends, later each time while
 * it ends at once. There is never more than one.
 */
export function superviseRunner(options: RunnerOptions): RunnerProcess {
  const { endpoint } = options;
  const record = join(options.dataDir, "runner.json");
  const forget = (): void => orLog(options, "runner's record was not removed", () => rmSync(record, { force: true }));
  let running: Running | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let backoff = FIRST_BACKOFF_MS;
  const ended = (instance: string): void => {
    if (running?.instance !== instance) return;
    running = undefined;
    // Its record stays until the next runner's: a daemon that starts meanwhile learns from it what has ended.
    options.onExit(instance);
    if (stopped) return;
    options.log.warn({ instance, restartInMs: backoff }, "runner ended");
    timer = setTimeout(begin, backoff);
    backoff = Math.min(Math.max(FIRST_BACKOFF_MS, 2 * backoff), LONGEST_BACKOFF_MS);
  };
  const begin = (): void => {
    const instance = randomUUID();
    running = { pid: 0, startTime: "", instance, endpoint };
    const child = spawnOrLog(options, instance);
    child?.once("exit", () => ended(instance));
    if (child?.pid === undefined) return void ended(instance);
    running = { ...running, pid: child.pid, startTime: startTimeOf(child.pid) ?? "" };
    options.log.info({ runnerPid: child.pid, instance }, "runner started");
    orLog(options, "runner's record was not kept", () => running && writeRecord(record, running));
  };
  const adopt = (left: Running): void => {
    running = left;
    options.log.info({ runnerPid: left.pid, instance: left.instance }, "runner adopted");
    const poll = setInterval(() => {
      if (isAlive(left)) return;
      clearInterval(poll);
      ended(left.instance);
    }, POLL_MS);
    poll.unref();
  };
  return {
    start() {
      const left = readRecord(record);
      if (!left || !isAlive(left)) {
        if (left?.startTime) options.onExit(left.instance);
        return begin();
      }
      adopt(left);
      // It would look for the daemon where that no longer is; when it has ended, another one is started.
      if (left.endpoint !== endpoint) signal(left, "SIGTERM");
    },
    connected() {
      backoff = CONNECTED_BACKOFF_MS;
    },
    async stop(graceMs) {
      stopped = true;
      clearTimeout(timer);
      if (running) await end(running, graceMs);
      forget();
    },
  };
}

function spawnOrLog(options: RunnerOptions, instance: string): ChildProcess | undefined {
  const failed = (err: unknown): void => options.log.error({ err }, "runner could not be started");
  try {
    return spawnRunner(options, instance).once("error", failed);
  } catch (err) {
    failed(err);
    return undefined;
  }
}

/** A full or failing disk must not end the daemon, which can go on without its record of the runner. */
function orLog({ log }: RunnerOptions, message: string, write: () => void): void {
  try {
    write();
  } catch (err) {
    log.warn({ err }, message);
  }
}

function spawnRunner({ entry, endpoint, slots, env, logFile }: RunnerOptions, instance: string): ChildProcess {
  const own = Object.entries(env).filter(([name]) => PASSED_ON.test(name));
  const log = openSync(logFile, "a", 0o600);
  try {
    const child = spawn(process.execPath, [entry], {
      detached: true,
      stdio: ["ignore", log, log],
      env: {
        ...Object.fromEntries(own),
        ...{ STIGMER_ENDPOINT: endpoint, STIGMER_RUNNER_NAME: "local", STIGMER_RUNNER_INSTANCE: instance },
        STIGMER_RUNNER_SLOTS: String(slots),
      },
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

async function end(runner: Running, graceMs: number): Promise<void> {
  if (!signal(runner, "SIGTERM")) return;
  for (let waited = 0; waited < graceMs; waited += POLL_MS) {
    if (!isAlive(runner)) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  signal(runner, "SIGKILL");
}

/** Signals the process only while it is the one that was started: its id may have gone to another. */
function signal(runner: Running, name: NodeJS.Signals): boolean {
  if (!isAlive(runner)) return false;
  try {
    return process.kill(runner.pid, name);
  } catch {
    return false;
  }
}

function isAlive({ pid, startTime }: Running): boolean {
  return startTime !== "" && startTimeOf(pid) === startTime;
}

function readRecord(path: string): Running | undefined {
  try {
    const { pid, startTime, instance, endpoint = "" } = JSON.parse(readFileSync(path, "utf8"));
    return typeof pid === "number" && [startTime, instance, endpoint].every((text) => typeof text === "string")
      ? { pid, startTime, instance, endpoint }
      : undefined;
  } catch {
    return undefined;
  }
}

function writeRecord(path: string, running: Running): void {
  writeFileSync(`${path}.tmp`, JSON.stringify(running), { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}
