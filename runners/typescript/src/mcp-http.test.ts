import { silentLog, type ToolHost, type ToolServer } from "@stigmer/sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createFakeContext } from "./call-context.fake.ts";
import { type FakeHttpServer, startFakeHttpServer } from "./http-server.fake.ts";
import { createMcpHost } from "./mcp-host.ts";

let http: FakeHttpServer;
let host: ToolHost;
let server: ToolServer;

beforeEach(async () => {
  http = await startFakeHttpServer();
  host = createMcpHost({ env: {}, log: silentLog });
  server = {
    sessionId: "ses_1",
    name: "remote",
    revision: "r1",
    transport: { kind: "http", url: http.url, headers: { "X-Team": "blue" } },
    callTimeoutMs: 2_000,
    startTimeoutMs: 2_000,
    variables: {},
    accessToken: "",
    workspace: "",
  };
});

afterEach(async () => {
  await host.close();
  await http.close();
});

const call = (tool = "echo") =>
  host.call(server, { tool, arguments: '{"a":1}', idempotencyKey: "k1" }, createFakeContext());

it("lists the tools of a server behind a URL", async () => {
  await expect(host.start(server)).resolves.toMatchObject([{ tool: "echo", description: "" }]);
});

it("calls a tool of it with the arguments and the idempotency key", async () => {
  const { content } = await call();

  const _meta = { "stigmer.ai/idempotency-key": "k1", progressToken: 1 };
  expect(JSON.parse(content)).toEqual({ name: "echo", arguments: { a: 1 }, _meta });
});

it("sends the declared headers with every message, over one session", async () => {
  await host.start(server);
  await call();

  expect(http.seen.map(({ method }) => method)).toEqual([
    "server/discover",
    "initialize",
    "notifications/initialized",
    "tools/list",
    "tools/call",
  ]);
  expect(http.seen.map(({ headers }) => headers["x-team"])).toEqual(Array(5).fill("blue"));
});

it("begins a new session after the server forgot the old one, and says that the call was not made", async () => {
  await host.start(server);
  http.forget();

  await expect(call()).rejects.toMatchObject({ reason: "TOOL_SERVER_FAILED", notStarted: true });
  await expect(call()).resolves.toMatchObject({ isError: false });
});

it("says that a call was not made where nothing listens", async () => {
  await http.close();

  const message = expect.stringMatching(/ECONNREFUSED/);
  await expect(call()).rejects.toMatchObject({ reason: "TOOL_SERVER_FAILED", message, notStarted: true });
});

it.each(["huge", "huge-event"])(
  "answers with the limit where the answer is far too large: %s",
  async (tool) => {
    server = { ...server, callTimeoutMs: 30_000 };
    const answer = await call(tool);

    expect(answer).toEqual({ content: expect.stringMatching(/answer is larger than 8 MiB/), isError: true });
    await expect(call()).resolves.toMatchObject({ isError: false });
  },
  60_000,
);
