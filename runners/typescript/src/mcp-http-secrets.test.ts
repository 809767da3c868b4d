import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { silentLog, type ToolHost, type ToolReply, type ToolServer } from "@stigmer/sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createFakeContext } from "./call-context.fake.ts";
import { createMcpHost } from "./mcp-host.ts";

type Rpc = {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly name?: string };
  readonly result?: unknown;
};

let seen: { readonly method: string; readonly headers: IncomingHttpHeaders }[];
let refuse: { readonly status: number; readonly headers: Record<string, string> } | undefined;
let host: ToolHost;
let server: ToolServer;
let replied: PromiseWithResolvers<unknown>;
let newer: PromiseWithResolvers<void>;
let url: string;

const http = createServer(async (request, response) => {
  if (request.method !== "POST") return void response.writeHead(405).end();
  const rpc: Rpc = JSON.parse(await text(request));
  const { id, method = "", params } = rpc;
  if (rpc.result) replied.resolve(rpc.result);
  seen.push({ method, headers: request.headers });
  if (refuse)
    return void response.writeHead(refuse.status, refuse.headers).end("secret said the server: t0ken-12345678");
  if (method === "server/discover") return void response.writeHead(404).end();
  if (id === undefined || !method) return void response.writeHead(202).end();
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (message: object) => response.write(`data: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`);
  const capabilities = { tools: {} };
  if (method === "initialize")
    send({ id, result: { protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "fake", version: "1" } } });
  else if (params?.name === "ask") {
    await newer.promise;
    send({
      id: "q1",
      method: "elicitation/create",
      params: { message: "Who?", requestedSchema: { type: "object", properties: {} } },
    });
    send({ id, result: { content: [{ type: "text", text: JSON.stringify(await replied.promise) }] } });
  } else if (params?.name === "leak") {
    const token = request.headers.authorization ?? "";
    const blob = Buffer.from(`${token} kept`).toString("base64");
    const resource = { uri: `file:///w/${token}.txt`, mimeType: "text/plain", blob };
    const content = [
      { type: "text", text: token },
      { type: "resource", resource },
    ];
    send({ id, result: { content } });
  } else if (params?.name !== "wait") send({ id, result: { content: [{ type: "text", text: "ok" }] } });
  if (params?.name === "wait") newer.resolve();
  else response.end();
});

beforeEach(async () => {
  seen = [];
  refuse = undefined;
  replied = Promise.withResolvers();
  newer = Promise.withResolvers();
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  host = createMcpHost({ env: {}, log: silentLog });
  server = {
    sessionId: "ses_1",
    name: "remote",
    revision: "r1",
    transport: { kind: "http", url, headers: { "X-Key": "key ${KEY}", authorization: "Basic own" } },
    callTimeoutMs: 2_000,
    startTimeoutMs: 2_000,
    variables: { KEY: "k3y-12345678" },
    accessToken: "",
    workspace: "",
  };
});

afterEach(async () => {
  await host.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

const call = (tool: string, of = server, answer?: () => ToolReply) => {
  const context = createFakeContext(answer ? { answer } : {});
  return host.call(of, { tool, arguments: "{}", idempotencyKey: "k1" }, context);
};

it("sends the values of variables in the headers that name them", async () => {
  await call("echo");

  expect(seen.map(({ headers }) => headers["x-key"])).toEqual(Array(seen.length).fill("key k3y-12345678"));
  expect(seen[0]?.headers.authorization).toBe("Basic own");
});

it("does not ask a server whose header has no value", async () => {
  await expect(call("echo", { ...server, variables: {} })).rejects.toMatchObject({ notStarted: true });

  expect(seen).toEqual([]);
});

it("sends the access token of the moment, over the session that there is", async () => {
  await call("echo", { ...server, accessToken: "first" });
  await call("echo", { ...server, accessToken: "second" });

  const calls = seen.filter(({ method }) => method === "tools/call");
  expect(calls.map(({ headers }) => headers.authorization)).toEqual(["Bearer first", "Bearer second"]);
  expect(seen.filter(({ method }) => method === "initialize")).toHaveLength(1);
});

it("masks a renewed access token in texts and attachments", async () => {
  await call("echo", { ...server, accessToken: "first-12345678" });
  const context = createFakeContext();
  const leak = { tool: "leak", arguments: "{}", idempotencyKey: "k1" };

  const answer = await host.call({ ...server, accessToken: "second-12345678" }, leak, context);

  expect(answer.content).toMatch(/^Bearer \*\*\*\n/);
  expect(JSON.stringify([answer.content, answer.attachments?.map(({ name }) => name)])).not.toContain(
    "second-12345678",
  );
  expect(context.saved.map((content) => new TextDecoder().decode(content))).toEqual(["Bearer *** kept"]);
});

it("takes no token to where a server sends it away", async () => {
  const elsewhere = createServer((request, response) => {
    seen.push({ method: "elsewhere", headers: request.headers });
    response.end();
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
  const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
  refuse = { status: 307, headers: { location } };

  const failure = await call("echo", { ...server, accessToken: "t0ken-12345678" }).catch((error: Error) => error);

  expect(failure).toMatchObject({ reason: "TOOL_SERVER_FAILED" });
  expect(seen.map(({ method }) => method)).not.toContain("elsewhere");
  elsewhere.close();
});

it("says that a person has to sign in, and how, where the server wants to know who asks", async () => {
  refuse = { status: 401, headers: { "www-authenticate": "Bearer" } };

  const failure = await call("echo", { ...server, accessToken: "t0ken-12345678" }).catch((error: Error) => error);

  expect(failure).toMatchObject({
    reason: "SIGN_IN_REQUIRED",
    message: 'tool server "remote" wants to know who you are: stigmer mcp login remote',
    notStarted: true,
  });
});

it("goes on at once when a person has signed in, however often it was tried before", async () => {
  refuse = { status: 401, headers: { "www-authenticate": "Bearer" } };
  for (let tries = 0; tries < 12; tries++) await call("echo").catch(() => {});
  refuse = undefined;
  const since = performance.now();

  await call("echo", { ...server, accessToken: "t0ken-12345678" });

  expect(performance.now() - since).toBeLessThan(5_000);
});

it("keeps its session when its token has run out", async () => {
  await call("echo", { ...server, accessToken: "first" });
  refuse = { status: 401, headers: { "www-authenticate": "Bearer" } };
  await call("echo", { ...server, accessToken: "first" }).catch(() => {});
  refuse = undefined;

  await call("echo", { ...server, accessToken: "second" });

  expect(seen.filter(({ method }) => method === "initialize")).toHaveLength(1);
});

it.each([
  ["names them", ', scope="files:write files:read"', ["files:write", "files:read"], " (files:write files:read)"],
  ["names none", "", [], ""],
  ["names one twice, and one that is none", ', scope="a a b\\c"', ["a"], " (a)"],
  ["repeats a token", ', scope="t0ken-12345678"', ["***"], " (***)"],
])("says which scopes are missing where a server %s", async (_, scope, missingScopes, words) => {
  const of = { ...server, accessToken: "t0ken-12345678" };
  await call("echo", of);
  refuse = { status: 403, headers: { "www-authenticate": `Bearer error="insufficient_scope"${scope}` } };

  await expect(call("echo", of)).rejects.toMatchObject({
    reason: "SIGN_IN_SCOPE_MISSING",
    message: `tool server "remote" asks for more than the sign-in has${words}`,
    missingScopes,
    notStarted: true,
  });
});

it("says so of a server that can't even be started with the scopes that there are, and starts it at once with more", async () => {
  const refusal = { "www-authenticate": 'Bearer error="insufficient_scope", scope="files:write"' };
  refuse = { status: 403, headers: refusal };
  for (let tries = 0; tries < 12; tries++)
    await expect(call("echo")).rejects.toMatchObject({ missingScopes: ["files:write"], notStarted: true });
  refuse = undefined;
  const since = performance.now();

  await call("echo", { ...server, accessToken: "t0ken-12345678" });

  expect(performance.now() - since).toBeLessThan(5_000);
});

it("keeps an access token out of what it says of a server that repeats it", async () => {
  refuse = { status: 500, headers: {} };

  const failure = await call("echo", { ...server, accessToken: "t0ken-12345678" }).catch((error: Error) => error);

  expect((failure as Error).message).not.toContain("t0ken-12345678");
});

it("asks the user for the call on whose stream the server asks, though a newer one runs", async () => {
  await call("echo");
  const asking = call("ask", server, () => ({ action: "accept", content: "{}" }));
  const waiting = call("wait", { ...server, callTimeoutMs: 600 });
  waiting.catch(() => {});

  const { content } = await asking;

  expect(JSON.parse(content)).toEqual({ action: "accept", content: {} });
});
