import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError, type ConnectRouter, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import { clientOver } from "@stigmer/client";
import { onTestFinished } from "vitest";
import type { Processes } from "./backend/processes.ts";
import { runCli } from "./cli.ts";
import type { Deps, Env, Source } from "./deps.ts";

export type WorldOptions = {
  /** What answers at which URL; nothing answers at others. */
  readonly backends?: Record<string, (router: ConnectRouter) => void>;
  readonly isTTY?: boolean;
  /** Everything that standard input holds. */
  readonly stdin?: string;
  readonly env?: Env;
  readonly processes?: Partial<Processes>;
};

/** A world of its own for one test: a temporary home, backends in memory, a clock that sleeping moves. */
export type World = {
  readonly deps: Deps;
  readonly home: string;
  readonly backends: Record<string, (router: ConnectRouter) => void>;
  stdout(): string;
  stderr(): string;
  /** Runs one command line and returns its exit code. */
  run(...args: string[]): Promise<number>;
  interrupt(): void;
};

export const URL_OF_BACKEND = "http://127.0.0.1:50051";

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const home = await mkdtemp(join(tmpdir(), "stigmer-cli-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const { isTTY = false, backends = {} } = options;
  const out: string[] = [];
  const error: string[] = [];
  const interrupt = new AbortController();
  let now = Date.parse("2026-01-31T12:00:00Z");
  const sink = (texts: string[]) => ({ isTTY, columns: 80, write: async (text: string) => void texts.push(text) });
  const deps: Deps = {
    stdout: sink(out),
    stderr: sink(error),
    stdin: sourceOf(options.stdin ?? "", isTTY),
    env: { STIGMER_HOME: home, NO_COLOR: "1", ...options.env },
    cwd: home,
    userHome: home,
    version: "1.2.3",
    clock: { now: () => now, monotonic: () => now },
    async sleep(ms) {
      now += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
    interrupt: interrupt.signal,
    connect: async (url) =>
      clientOver(
        createRouterTransport((router) => (backends[url] ?? (() => {}))(router), {
          transport: { interceptors: [unreachableUnless(() => url in backends)] },
        }),
        { url },
      ),
    processes: { ...noProcesses, ...options.processes },
    daemonCommand: ["node", "daemon.js"],
  };
  return {
    deps,
    home,
    backends,
    stdout: () => out.join(""),
    stderr: () => error.join(""),
    run: (...args) => runCli(deps, args),
    interrupt: () => interrupt.abort(),
  };
}

function unreachableUnless(isThere: () => boolean): Interceptor {
  return (next) => async (request) => {
    if (!isThere()) throw new ConnectError("connect ECONNREFUSED", Code.Unavailable);
    return await next(request);
  };
}

const noProcesses: Processes = {
  detach: () => ({ pid: 0, end: () => "not in this test" }),
  run: async () => 1,
  terminate: () => {
    throw new Error("no process may be ended in this test");
  },
  exists: () => false,
};

function sourceOf(text: string, isTTY: boolean): Source {
  const lines = text.split("\n").slice(0, -1);
  return {
    isTTY,
    async text(maxBytes) {
      if (Buffer.byteLength(text) > maxBytes) throw new RangeError("the input is too large");
      return text;
    },
    line: async () => lines.shift(),
  };
}
