import { connectTo } from "@stigmer/client/node";
import { ElicitationAction } from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type FakeBackend, type FakeConnection, startFakeBackend } from "./backend.fake.ts";
import { runRunner } from "./runner.ts";
import type { ToolCallContext, ToolHost, ToolHostNews, ToolInvocation, ToolServer } from "./tool-host.ts";

let backend: FakeBackend;
let news: ToolHostNews | undefined;
let made: { readonly server: ToolServer; readonly call: ToolInvocation; readonly context: ToolCallContext }[];
let use: (context: ToolCallContext) => Promise<string>;
let stop: AbortController;
let end: Promise<unknown>;
let client: ReturnType<typeof connectTo>;

const host: ToolHost = {
  tell: (told) => {
    news = told;
  },
  start: async () => [],
  async call(server, call, context) {
    made.push({ server, call, context });
    return { content: await use(context), isError: false };
  },
  stop: async () => {},
  close: async () => {},
};

beforeEach(async () => {
  backend = await startFakeBackend();
  news = undefined;
  made = [];
  stop = new AbortController();
  client = connectTo({ url: backend.url });
  end = runRunner({
    client,
    name: "test",
    instance: "instance-1",
    tools: host,
    signal: stop.signal,
    drainTimeoutMs: 100,
  });
  end.catch(() => {});
});

afterEach(async () => {
  stop.abort();
  await end.catch(() => {});
  client.close();
  await backend.crash();
});

const call = { executionId: "aex_1", stepKey: "turn/1/tool/c1", attempt: 1 };
const server = {
  sessionId: "ses_1",
  name: "fs",
  revision: "r1",
  accessToken: "t0ken",
  variables: { KEY: "k3y" },
  spec: { transport: { case: "stdio" as const, value: { command: "fs" } }, variables: [{ name: "KEY" }] },
};
const question = { kind: "form", message: "Which branch?", schema: '{"type":"object"}' } as const;

async function connected(): Promise<FakeConnection> {
  const connection = await backend.nextRunner();
  connection.welcome();
  return connection;
}

function ask(connection: FakeConnection): void {
  const definition = { tool: "commit", description: "commits", inputSchema: "{}", annotations: "" };
  const value = { call, server, tool: "commit", arguments: "{}", idempotencyKey: "k1", definition };
  connection.send({ case: "callTool", value });
}

const answer = (elicitationId: string, action: ElicitationAction, content = "") =>
  ({ case: "elicitationAnswer", value: { call, elicitationId, action, content } }) as const;

it("hands the host what the server may know, and the tool as its call was judged", async () => {
  use = async () => "done";
  const connection = await connected();

  ask(connection);
  await connection.next("toolCallEnded");

  expect(made[0]?.server).toMatchObject({ variables: { KEY: "k3y" }, accessToken: "t0ken" });
  expect(made[0]?.call.definition).toMatchObject({ tool: "commit", description: "commits" });
});

it.each([
  [ElicitationAction.ACCEPT, '{"branch":"main"}', { action: "accept", content: '{"branch":"main"}' }],
  [ElicitationAction.DECLINE, "", { action: "decline", content: "" }],
  [ElicitationAction.CANCEL, "", { action: "cancel", content: "" }],
  [ElicitationAction.UNSPECIFIED, "ignored", { action: "cancel", content: "" }],
])("asks the user for a server, and hands on what he did: %s", async (action, content, reply) => {
  use = async (context) => JSON.stringify(await context.elicit(question));
  const connection = await connected();
  ask(connection);

  const asked = await connection.next("elicitationAsked");
  connection.send(answer(asked.elicitationId, action, content));
  const { result } = await connection.next("toolCallEnded");

  expect(asked).toMatchObject({ call, message: "Which branch?", schema: '{"type":"object"}', url: "" });
  expect(JSON.parse(result?.content ?? "")).toEqual(reply);
});

it("asks again after a reconnect, under the same name, until there is an answer", async () => {
  use = async (context) => (await context.elicit({ kind: "url", message: "Sign in", url: "https://e.com/" })).action;
  const first = await connected();
  ask(first);
  const asked = await first.next("elicitationAsked");

  first.hangUp();
  const second = await connected();
  const again = await second.next("elicitationAsked");
  second.send(answer(again.elicitationId, ElicitationAction.ACCEPT));
  const { result } = await second.next("toolCallEnded");
  second.hangUp();
  const third = await connected();
  const told = await third.next("toolCallEnded");

  expect(again).toEqual(asked);
  expect(asked).toMatchObject({ schema: "", url: "https://e.com/" });
  expect([result?.content, told.result?.content]).toEqual(["accept", "accept"]);
});

it("passes over answers to what nobody asked", async () => {
  use = async (context) => (await context.elicit(question)).action;
  const connection = await connected();
  ask(connection);
  const { elicitationId } = await connection.next("elicitationAsked");

  connection.send(answer("another", ElicitationAction.ACCEPT));
  connection.send({
    case: "elicitationAnswer",
    value: { call: { ...call, attempt: 2 }, elicitationId, action: ElicitationAction.ACCEPT },
  });
  connection.send(answer(elicitationId, ElicitationAction.DECLINE));

  expect((await connection.next("toolCallEnded")).result?.content).toBe("decline");
});

it("gives a question up when its call is cancelled, and does not ask it again", async () => {
  use = async (context) => (await context.elicit(question)).action;
  const first = await connected();
  ask(first);
  await first.next("elicitationAsked");

  first.send({ case: "cancelTool", value: { call } });
  const ended = await first.next("toolCallEnded");
  first.hangUp();
  const second = await connected();
  second.send({ case: "acknowledged", value: { message: { case: "call", value: call } } });
  stop.abort();

  expect(ended.error?.reason).toBe("CANCELLED");
  expect((await second.rest()).map(({ case: kind }) => kind)).not.toContain("elicitationAsked");
});

it.each([
  ["form", { ...question, schema: "x".repeat(65_537) }],
  ["URL", { kind: "url", message: "?", url: `https://e.com/${"x".repeat(2_048)}` } as const],
])("does not send a %s that no backend takes: it would break the line", async (_, tooLong) => {
  use = async (context) => (await context.elicit(tooLong)).action;
  const connection = await connected();

  ask(connection);

  expect((await connection.next("toolCallEnded")).error?.reason).toBe("LIMIT_REACHED");
});

it("says how far a call is, in words that fit", async () => {
  use = async (context) => {
    context.progress({ progress: 1, total: 3, message: `${"x".repeat(4_095)}\ud83d\ude00` });
    return "done";
  };
  const connection = await connected();
  ask(connection);

  const { progress, total, message } = await connection.next("toolProgress");

  expect([progress, total, message]).toEqual([1, 3, `${"x".repeat(4_095)}\ufffd`]);
});

it("passes on what a server writes to its log, and when", async () => {
  const before = Math.floor(Date.now() / 1_000);
  use = async () => {
    news?.logged({ sessionId: "ses_1", name: "fs" }, "y".repeat(20_000));
    return "done";
  };
  const connection = await connected();

  ask(connection);

  const { sessionId, name, line, time } = await connection.next("serverLogged");
  expect([sessionId, name, line]).toEqual(["ses_1", "fs", "y".repeat(16_384)]);
  expect(Number(time?.seconds)).toBeGreaterThanOrEqual(before);
});

it("says which tools a server has by now", async () => {
  const tool = { tool: "commit", description: "pushes too", inputSchema: "{}", annotations: "" };
  use = async () => {
    news?.toolsChanged({ sessionId: "ses_1", name: "fs", revision: "r1" }, [tool]);
    return "done";
  };
  const connection = await connected();

  ask(connection);

  const changed = await connection.next("toolsChanged");
  expect(changed).toMatchObject({ sessionId: "ses_1", name: "fs", revision: "r1", tools: [tool] });
});
