import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { type FetchLike, StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import { Failure, type ToolServer } from "@stigmer/sdk";
import { createBoundedFetch } from "./bounded-fetch.ts";
import { childEnv, type Environment } from "./child-env.ts";
import { headerValues } from "./header-values.ts";
import type { Masker } from "./masker.ts";
import { createPatientFetch } from "./patient-fetch.ts";
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
  readonly masker: Masker;
  /** Told of each line that a server writes for people, without secrets. */
  readonly onLog: (line: string) => void;
  /** The access token of the moment; empty where there is none. */
  readonly accessToken: () => string;
};

const GOODBYE_TIMEOUT_MS = 1_000;

/** A channel that is not open yet. Refuses a folder that does not exist, and a header whose variable has no value. */
export async function createChannel(
  { transport: server, variables }: Pick<ToolServer, "transport" | "variables">,
  options: ChannelOptions,
): Promise<McpChannel> {
  if (server.kind === "http") {
    return httpChannel(new URL(server.url), headerValues(server.headers, variables), options.accessToken);
  }
  await requireFolder(options.folder);
  const { guard, masker, onLog } = options;
  const transport = createStdioTransport({
    command: commandPath(server.command, options.folder),
    args: server.args,
    cwd: options.folder,
    env: childEnv(options.env, { ...server.env, ...variables }, options.nodeFolder),
    ...{ guard, masker, onLog },
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

function httpChannel(url: URL, headers: Readonly<Record<string, string>>, accessToken: () => string): McpChannel {
  const fetch = createBoundedFetch(withToken(createPatientFetch(), url, accessToken));
  const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers }, fetch });
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

/** The token goes to the server that it is for, and to no other. */
function withToken(fetch: FetchLike, server: URL, accessToken: () => string): FetchLike {
  return (url, init) => {
    const token = accessToken();
    if (token === "" || new URL(url).origin !== server.origin) return fetch(url, init);
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${token}`);
    return fetch(url, { ...init, headers });
  };
}
