import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromJson, type JsonObject, type Message, toJson } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createRouterTransport,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import { clientOver } from "@stigmer/client";
import type { LightClient } from "@stigmer/client/light";
import { onTestFinished } from "vitest";
import type { Processes } from "./backend/processes.ts";
import { runCli } from "./cli.ts";
import type { Deps, Env, Source } from "./deps.ts";
import { methodOf, registry } from "./kinds/registry.ts";

export type WorldOptions = {
  /** What answers at which URL; nothing answers at others. */
  readonly backends?: Record<string, (router: ConnectRouter) => void>;
  readonly isTTY?: boolean;
  /** Everything that standard input holds. */
  readonly stdin?: string;
  readonly env?: Env;
  readonly processes?: Partial<Processes>;
  /** What servers on this machine answer, by URL; nothing answers at others. */
  readonly servers?: Readonly<Record<string, unknown>>;
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
  const caught: (() => void)[] = [];
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
    nodeVersion: "24.1.0",
    clock: { now: () => now, monotonic: () => now },
    async sleep(ms) {
      now += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
    interrupt: interrupt.signal,
    catchInterrupts(onInterrupt) {
      caught.push(onInterrupt);
      return { [Symbol.dispose]: () => void caught.splice(caught.indexOf(onInterrupt), 1) };
    },
    connect: async (url) =>
      lightOver(
        createRouterTransport((router) => (backends[url] ?? (() => {}))(router), {
          transport: { interceptors: [unreachableUnless(() => url in backends)] },
        }),
        url,
      ),
    fetch: async (url) => {
      const answer = options.servers?.[String(url)];
      if (answer === undefined) throw new TypeError("fetch failed");
      return Response.json(answer);
    },
    processes: { ...noProcesses, ...options.processes },
    daemonCommand: ["node", "daemon.js"],
    conformanceProgram: join(home, "conformance.mjs"),
  };
  return {
    deps,
    home,
    backends,
    stdout: () => out.join(""),
    stderr: () => error.join(""),
    run: (...args) => runCli(deps, args),
    interrupt: () => (caught.at(-1) ?? (() => interrupt.abort()))(),
  };
}

type Call = (request: Message, options: object) => Promise<Message>;

/** A client in memory that makes calls in JSON too, by way of the descriptors. */
function lightOver(transport: Transport, url: string): LightClient {
  const client = clientOver(transport, { url });
  return {
    ...client,
    async json({ path, request, headers }, options = {}) {
      const { parent, localName, input, output } = methodOf({ path });
      const call = (client.service(parent) as unknown as Readonly<Record<string, Call>>)[localName];
      if (!call) throw new Error(`no method ${path}`);
      const answer = await call(fromJson(input, request, { registry }), { ...options, headers });
      return toJson(output, answer, { registry }) as JsonObject;
    },
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
    hidden: async () => lines.shift(),
    async edit() {
      const text = lines.shift();
      return text === undefined ? { kind: "end" } : { kind: "text", text };
    },
  };
}
