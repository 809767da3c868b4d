import { dirname } from "node:path";
import type { Log, ToolHostNews, ToolServer } from "@stigmer/sdk";
import type { Environment } from "./child-env.ts";
import { createMasker } from "./masker.ts";
import { createChannel, type McpChannel } from "./mcp-channel.ts";
import { connectMcp, type McpConnection } from "./mcp-connection.ts";
import type { ProcessGuard } from "./process-guard.ts";
import { createServerLog } from "./server-log.ts";
import type { SessionFolders } from "./session-folders.ts";

export type HostedServerDeps = {
  readonly env: Environment;
  readonly log: Log;
  readonly stopPatienceMs: number;
  readonly folders: SessionFolders;
  /** What is open, so that it can be killed when this process exits. */
  readonly channels: Set<McpChannel>;
  readonly guard: ProcessGuard;
  readonly news: () => ToolHostNews | undefined;
};

/** A server that runs, or is on its way. */
export interface HostedServer {
  readonly server: ToolServer;
  readonly starting: Promise<McpConnection>;
  /** False once it is gone, or could not be started. */
  isAlive(): boolean;
  /** Whether nobody uses it. */
  isIdle(): boolean;
  /** Somebody uses it, until the function returned is called. */
  hold(): () => void;
  /** A newer access token; what is sent from now on has it. */
  renew(accessToken: string): void;
  end(): Promise<void>;
}

/** Starts a server. `onDeath` is told where it dies once it has started. */
export function hostServer(server: ToolServer, deps: HostedServerDeps, onDeath: () => void): HostedServer {
  const { env, log, stopPatienceMs, guard, folders, channels, news } = deps;
  const abort = new AbortController();
  let { accessToken } = server;
  let connection: McpConnection | undefined;
  let hasFailed = false;
  const holders = new Set<symbol>();
  const masker = createMasker(secretsOf(server));
  const onLog = createServerLog(
    (line) => news()?.logged(server, line),
    () => performance.now(),
  );
  const open = async (): Promise<McpChannel> => {
    const folder = server.workspace || folders.of(server.sessionId);
    const nodeFolder = dirname(process.execPath);
    const options = { folder, env, nodeFolder, guard, masker, onLog, accessToken: () => accessToken };
    const channel = await createChannel(server, options);
    channels.add(channel);
    channel.transport.onclose = () => channels.delete(channel);
    return channel;
  };
  const starting = connectMcp(server, {
    ...{ open, stopPatienceMs, signal: abort.signal, masker, onLog, onDeath },
    onToolsChanged: (tools) => news()?.toolsChanged(server, tools),
  });
  starting.then(
    (made) => {
      connection = made;
      log.info({ session: server.sessionId, server: server.name }, "tool server started");
    },
    () => {
      hasFailed = true;
    },
  );
  return {
    server,
    starting,
    isAlive: () => !hasFailed && connection?.isAlive() !== false,
    isIdle: () => holders.size === 0,
    hold() {
      const holder = Symbol("holder");
      holders.add(holder);
      return () => void holders.delete(holder);
    },
    renew: (token) => {
      masker.add([token]);
      accessToken = token;
    },
    async end() {
      abort.abort(new Error("the server is stopped"));
      await (await starting.catch(() => undefined))?.close();
    },
  };
}

/** Values that nobody wrote into the server's definition. */
function secretsOf({ variables, secretNames = Object.keys(variables), accessToken }: ToolServer): string[] {
  return [...secretNames.map((name) => variables[name] ?? ""), accessToken];
}
