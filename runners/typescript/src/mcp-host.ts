import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Failure, type Log, type ToolHost, type ToolServer } from "@stigmer/sdk";
import type { Environment } from "./child-env.ts";
import { createChannel, type McpChannel } from "./mcp-channel.ts";
import { connectMcp, type McpConnection } from "./mcp-connection.ts";
import { createProcessGuard, type ProcessGuard } from "./process-guard.ts";

export type McpHostOptions = {
  /** The runner's own variables; servers get a small safe set of them. */
  readonly env: Environment;
  readonly log: Log;
  /** How long a server may take to shake hands, and to list its tools; 30 s unless told. */
  readonly startTimeoutMs?: number;
  /** How long a tool that is asked to stop may take to answer; 10 s unless told. */
  readonly stopPatienceMs?: number;
};

type Entry = {
  readonly server: ToolServer;
  readonly abort: AbortController;
  readonly starting: Promise<McpConnection>;
  connection?: McpConnection;
};

/**
 * Hosts MCP servers: a process or an HTTP connection for each session, name and revision, made when it is first needed,
 * shared by all calls, and made anew by the first call after it died. No server outlives this process for more than a moment,
 * however it ends; only one that leaves its process group can, and on Windows one that goes on without an input.
 */
export function createMcpHost(options: McpHostOptions): ToolHost {
  const entries = new Map<string, Entry>();
  const channels = new Set<McpChannel>();
  const folders = createFolders();
  const guard = createProcessGuard();
  const deps = { options, folders, channels, guard };
  const killAll = (): void => {
    for (const channel of channels) channel.kill();
    folders.remove();
  };
  process.on("exit", killAll);
  let isClosed = false;

  const ensure = (server: ToolServer): Promise<McpConnection> => {
    if (isClosed) throw new Failure("TOOL_SERVER_FAILED", "the runner stops", { notStarted: true });
    const key = JSON.stringify([server.sessionId, server.name, server.revision]);
    const known = entries.get(key);
    if (known && known.connection?.isAlive() !== false) return known.starting;
    // A server that died may still hold an HTTP session; nobody waits for its end.
    void known?.connection?.close();
    const entry = begin(server, deps);
    entries.set(key, entry);
    entry.starting.catch(() => {
      if (entries.get(key) === entry) entries.delete(key);
    });
    return entry.starting;
  };
  const stopWhere = async (test: (server: ToolServer) => boolean): Promise<void> => {
    const stopped = [...entries].filter(([, entry]) => test(entry.server));
    for (const [key] of stopped) entries.delete(key);
    await Promise.all(stopped.map(([, entry]) => end(entry)));
  };
  return {
    start: async (server) => (await ensure(server)).listTools(),
    async call(server, call, signal) {
      const connection = await unless(signal, ensure(server));
      return await connection.callTool(call, signal);
    },
    stop: (sessionId, name) =>
      stopWhere((server) => server.sessionId === sessionId && (name === undefined || server.name === name)),
    async close() {
      isClosed = true;
      await stopWhere(() => true);
      guard.close();
      process.off("exit", killAll);
      folders.remove();
    },
  };
}

type BeginDeps = {
  readonly options: McpHostOptions;
  readonly folders: Folders;
  readonly channels: Set<McpChannel>;
  readonly guard: ProcessGuard;
};

/** What is promised, unless the call is cancelled before: then it surely never began. */
async function unless<T>(signal: AbortSignal, promised: Promise<T>): Promise<T> {
  const cancelled = Promise.withResolvers<never>();
  const cancel = (): void => cancelled.reject(new Failure("CANCELLED", "the call was cancelled", { notStarted: true }));
  signal.addEventListener("abort", cancel);
  if (signal.aborted) cancel();
  try {
    return await Promise.race([cancelled.promise, promised]);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function begin(server: ToolServer, deps: BeginDeps): Entry {
  const { env, log, startTimeoutMs = 30_000, stopPatienceMs = 10_000 } = deps.options;
  const { guard } = deps;
  const abort = new AbortController();
  const open = async (): Promise<McpChannel> => {
    const folder = server.workspace || deps.folders.of(server.sessionId);
    const nodeFolder = dirname(process.execPath);
    const channel = await createChannel(server.transport, { folder, env, nodeFolder, guard });
    deps.channels.add(channel);
    channel.transport.onclose = () => deps.channels.delete(channel);
    return channel;
  };
  const starting = connectMcp(server, { open, startTimeoutMs, stopPatienceMs, signal: abort.signal });
  const entry: Entry = { server, abort, starting };
  starting.then(
    (connection) => {
      entry.connection = connection;
      log.info({ session: server.sessionId, server: server.name }, "tool server started");
    },
    () => {},
  );
  return entry;
}

async function end({ abort, starting }: Entry): Promise<void> {
  abort.abort(new Error("the server is stopped"));
  const connection = await starting.catch(() => undefined);
  await connection?.close();
}

/** A private folder for each session that has no workspace. Not asynchronous, so that they go when the process exits. */
type Folders = { of(sessionId: string): string; remove(): void };

function createFolders(): Folders {
  const bySession = new Map<string, string>();
  return {
    of(sessionId) {
      const folder = bySession.get(sessionId) ?? mkdtempSync(join(tmpdir(), "stigmer-runner-"));
      bySession.set(sessionId, folder);
      return folder;
    },
    remove() {
      for (const folder of bySession.values()) rmSync(folder, { recursive: true, force: true });
      bySession.clear();
    },
  };
}
