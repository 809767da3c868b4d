import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import { Failure, type ServerTransport } from "@stigmer/sdk";
import { boundedFetch } from "./bounded-fetch.ts";
import { childEnv, type Environment } from "./child-env.ts";
import type { ProcessGuard } from "./process-guard.ts";
import { createStdioTransport } from "./stdio-transport.ts";

/** What carries messages to one server and back. */
export interface McpChannel {
  readonly transport: Transport;
  /** What is known of a server that failed, for people; may be empty. */
  account(): string;
  close(): Promise<void>;
  /** Frees what the channel holds without waiting; for when this process exits. */
  kill(): void;
}

export type ChannelOptions = {
  /** Folder in which a process is started. */
  readonly folder: string;
  readonly env: Environment;
  readonly nodeFolder: string;
  /** Ends a process that outlives this one. */
  readonly guard: ProcessGuard;
};

const GOODBYE_TIMEOUT_MS = 1_000;

/** A channel that is not open yet. Refuses a folder that does not exist. */
export async function createChannel(server: ServerTransport, options: ChannelOptions): Promise<McpChannel> {
  if (server.kind === "http") return httpChannel(new URL(server.url), server.headers);
  await requireFolder(options.folder);
  const transport = createStdioTransport({
    command: commandPath(server.command, options.folder),
    args: server.args,
    cwd: options.folder,
    guard: options.guard,
    env: childEnv(options.env, server.env, options.nodeFolder),
  });
  return { transport, account: transport.account, close: () => transport.close(), kill: transport.kill };
}

/** A path starts at the folder; a bare name is looked up on PATH. */
function commandPath(command: string, folder: string): string {
  return command.includes("/") ? resolve(folder, command) : command;
}

async function requireFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return;
  const problem = found ? "is not a folder" : "does not exist on the runner's machine";
  throw new Failure("TOOL_SERVER_FAILED", `folder ${JSON.stringify(folder)} ${problem}`, { notStarted: true });
}

function httpChannel(url: URL, headers: Readonly<Record<string, string>>): McpChannel {
  const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers }, fetch: boundedFetch });
  return {
    transport,
    account: () => "",
    async close() {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, GOODBYE_TIMEOUT_MS);
      // A courtesy to the server, which may be gone.
      await Promise.race([late.promise, transport.terminateSession().catch(() => {})]);
      clearTimeout(timer);
      await transport.close();
    },
    kill: () => {},
  };
}
