import { createHash } from "node:crypto";
import { Failure, type Log, type ToolHost, type ToolHostNews, type ToolServer } from "@stigmer/sdk";
import type { Environment } from "./child-env.ts";
import { type HostedServer, hostServer } from "./hosted-server.ts";
import type { McpChannel } from "./mcp-channel.ts";
import type { McpConnection } from "./mcp-connection.ts";
import { orAborted } from "./or-aborted.ts";
import { createProcessGuard } from "./process-guard.ts";
import { createRestarts } from "./restarts.ts";
import { createSessionFolders } from "./session-folders.ts";
import { NotSent } from "./stdio-transport.ts";

export type McpHostOptions = {
  /** The runner's own variables; servers get a small safe set of them. */
  readonly env: Environment;
  readonly log: Log;
  /** How long a tool that is asked to stop may take to answer; 10 s unless told. */
  readonly stopPatienceMs?: number;
};

/**
 * Hosts MCP servers: a process or an HTTP connection for each session, name, revision and set of variables, made when it is first
 * needed, shared by all calls, and made anew by the first call after it died; one that keeps dying waits longer each time. No server
 * outlives this process for more than a moment, however it ends, nor does what it started; only what leaves the server's process
 * group can, on a system other than Linux, and on Windows a server that goes on without an input.
 */
export function createMcpHost({ env, log, stopPatienceMs = 10_000 }: McpHostOptions): ToolHost {
  const hosted = new Map<string, HostedServer>();
  const channels = new Set<McpChannel>();
  const folders = createSessionFolders();
  const guard = createProcessGuard();
  const restarts = createRestarts(() => performance.now());
  let news: ToolHostNews | undefined;
  const deps = { env, log, stopPatienceMs, folders, channels, guard, news: () => news };
  const killAll = (): void => {
    for (const channel of channels) channel.kill();
    folders.remove();
  };
  process.on("exit", killAll);
  let isClosed = false;

  const begin = (key: string, server: ToolServer): HostedServer => {
    // A server that died may still hold an HTTP session; nobody waits for its end.
    void hosted.get(key)?.end();
    endIdle(hosted, server);
    const entry = hostServer(server, deps, () => restarts.failed(key));
    hosted.set(key, entry);
    entry.starting.catch(({ reason }: Failure) => {
      // A person who has signed in is not to wait.
      if (reason !== "SIGN_IN_REQUIRED" && reason !== "SIGN_IN_SCOPE_MISSING") restarts.failed(key);
      if (hosted.get(key) === entry) hosted.delete(key);
    });
    return entry;
  };
  /** What is made of a server that runs. */
  const using = async <T>(
    server: ToolServer,
    signal: AbortSignal,
    use: (of: McpConnection) => Promise<T>,
  ): Promise<T> => {
    const key = keyOf(server);
    await waitFor(restarts.waitMs(key), server, signal);
    if (isClosed) throw new Failure("TOOL_SERVER_FAILED", "the runner stops", { notStarted: true });
    const known = hosted.get(key);
    const entry = known?.isAlive() ? known : begin(key, server);
    entry.renew(server.accessToken);
    const letGo = entry.hold();
    try {
      const made = await use(await orAborted(signal, entry.starting));
      restarts.worked(key);
      return made;
    } finally {
      letGo();
    }
  };
  const stopWhere = async (test: (server: ToolServer) => boolean): Promise<void> => {
    const stopped = [...hosted].filter(([, entry]) => test(entry.server));
    for (const [key] of stopped) hosted.delete(key);
    await Promise.all(stopped.map(([, entry]) => entry.end()));
  };
  return {
    tell: (told) => {
      news = told;
    },
    start: (server) => using(server, never(), (connection) => connection.listTools()),
    async call(server, call, context) {
      const make = () =>
        using(server, beforeItBegan(context.signal), (connection) => connection.callTool(call, context));
      // A server may have died since it was last used, which only shows now; it is started anew, once.
      return await make().catch((error: unknown) => (wasNotSent(error) ? make() : Promise.reject(error)));
    },
    async stop(sessionId, name) {
      await stopWhere((server) => server.sessionId === sessionId && (name === undefined || server.name === name));
      if (isOver(sessionId, hosted)) folders.removeOf(sessionId);
    },
    async close() {
      isClosed = true;
      await stopWhere(() => true);
      guard.close();
      process.off("exit", killAll);
      folders.remove();
    },
  };
}

function keyOf({ sessionId, name, revision, variables }: ToolServer): string {
  const values = JSON.stringify(Object.entries(variables).sort());
  return JSON.stringify([sessionId, name, revision, createHash("sha256").update(values).digest("base64")]);
}

/** Whether a session never comes again: it was one person's single use of a server, and no server of it is left. */
function isOver(sessionId: string, hosted: ReadonlyMap<string, HostedServer>): boolean {
  return sessionId.startsWith("person-") && ![...hosted.values()].some(({ server }) => server.sessionId === sessionId);
}

function wasNotSent(error: unknown): boolean {
  return error instanceof Failure && error.cause instanceof NotSent;
}

/** A server whose variables are others by now goes when it has nothing to do. */
function endIdle(hosted: Map<string, HostedServer>, { sessionId, name, revision }: ToolServer): void {
  for (const [key, entry] of hosted) {
    const { server } = entry;
    const isOlder = server.sessionId === sessionId && server.name === name && server.revision === revision;
    if (!isOlder || !entry.isIdle()) continue;
    hosted.delete(key);
    void entry.end();
  }
}

/** Aborted with the signal, for the reason that the call was not made. */
function beforeItBegan(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const why = new Failure("CANCELLED", "the call was cancelled", { notStarted: true });
  const abort = (): void => controller.abort(why);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return controller.signal;
}

function never(): AbortSignal {
  return new AbortController().signal;
}

async function waitFor(ms: number, { name, startTimeoutMs }: ToolServer, signal: AbortSignal): Promise<void> {
  if (ms === 0) return;
  if (ms > startTimeoutMs) {
    const message = `tool server ${JSON.stringify(name)} keeps dying; it is not started again for ${Math.ceil(ms / 1000)} s`;
    throw new Failure("TOOL_SERVER_FAILED", message, { notStarted: true });
  }
  const waited = Promise.withResolvers<void>();
  const timer = setTimeout(waited.resolve, ms);
  await orAborted(signal, waited.promise).finally(() => clearTimeout(timer));
}
