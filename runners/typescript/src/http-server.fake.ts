import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** An MCP server behind streamable HTTP, written by hand. */
export interface FakeHttpServer {
  readonly url: string;
  /** Headers of each request that carried a message. */
  readonly seen: { readonly method: string; readonly headers: IncomingHttpHeaders }[];
  /** Forgets its sessions, as a restart would. */
  forget(): void;
  close(): Promise<void>;
}

type Rpc = { readonly id?: number; readonly method: string; readonly params?: Record<string, unknown> };

export async function startFakeHttpServer(): Promise<FakeHttpServer> {
  const seen: FakeHttpServer["seen"][number][] = [];
  let session = 0;
  const server = createServer(async (request, response) => {
    if (request.method !== "POST") return void response.writeHead(405).end();
    const rpc: Rpc = JSON.parse(await text(request));
    seen.push({ method: rpc.method, headers: request.headers });
    if (rpc.method === "initialize") session++;
    else if (request.headers["mcp-session-id"] !== `s${session}`) return void response.writeHead(404).end();
    if (rpc.id === undefined) return void response.writeHead(202).end();
    const isEvents = rpc.params?.name === "huge-event";
    const type = isEvents ? "text/event-stream" : "application/json";
    response.writeHead(200, { "content-type": type, "mcp-session-id": `s${session}` });
    const json = JSON.stringify({ jsonrpc: "2.0", id: rpc.id, result: resultOf(rpc) });
    response.end(isEvents ? `event: message\ndata: ${json}\n\n` : json);
  });
  await listening(server);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    seen,
    forget: () => {
      session++;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function resultOf({ method, params }: Rpc): unknown {
  if (method === "initialize") {
    const serverInfo = { name: "fake", version: "1" };
    return { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo };
  }
  if (method === "tools/list") return { tools: [{ name: "echo", inputSchema: { type: "object" } }] };
  const text = String(params?.name).startsWith("huge") ? "x".repeat(50 * 1024 * 1024) : JSON.stringify(params);
  return { content: [{ type: "text", text }] };
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}
