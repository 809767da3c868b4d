import { create } from "@bufbuild/protobuf";
import {
  AgentExecutionQueryController,
  ExecutionQueryController,
  ExecutionPhase as Phase,
  Role,
} from "@stigmer/contracts/agentic";
import { type AgentContext, ToolCallSchema, textMessage, textOf } from "@stigmer/sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import { decide, type Telling, tell } from "./commands.fake.ts";
import { eventsOf, eventsUntil, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { createToolHost, startKitRunner, type TestToolHost } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
let host: TestToolHost;
let runner: AsyncDisposable;
const histories = new Map<string, readonly string[]>();

beforeEach(async () => {
  daemon = await startTestDaemon();
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { model: model("x") });
  await createAgent(daemon.client, { name: "acting", model: model("x"), servers: ["files"] });
  host = createToolHost([{}]);
  histories.clear();
  runner = startKitRunner(daemon, { agent: loop, tools: host });
});
afterEach(async () => {
  await runner[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

/** Three model calls, the second after one of a tool that there is none of, or the first tool that there is. */
async function loop(context: AgentContext): Promise<string> {
  histories.set(context.executionId, context.history.map(textOf));
  const [tool] = await context.listTools();
  const messages = [...context.history, textMessage(Role.USER, context.message)];
  for (const turn of [1, 2, 3]) {
    const { message } = await context.generate(`model/${turn}`, { messages, tools: [] });
    messages.push(message);
    const call = create(ToolCallSchema, { id: `c${turn}`, name: tool?.name ?? "absent", arguments: "{}" });
    if (turn === 1) await context.callTool("tool", call);
  }
  return textOf(messages.at(-1) ?? textMessage(Role.USER, ""));
}

function model(said: string): string {
  return daemon.script([{ text: `${said} one` }, { text: `${said} two` }, { text: `${said} three` }]);
}

async function ended(agent = "helper"): Promise<string> {
  return idOf(await untilEnd(daemon.client, idOf(await execute(daemon.client, { agent }))));
}

async function fork(id: string, of: Telling = {}): Promise<string> {
  return idOf(await untilEnd(daemon.client, idOf(await tell(daemon.client, "fork", id, of))));
}

/** Steps that an execution has made itself. */
async function madeBy(id: string): Promise<string[]> {
  const events = await eventsOf(daemon.client, id);
  const kinds = new Set(["modelCallFinished", "toolCallFinished"]);
  return events.filter(({ event }) => kinds.has(event.case ?? "")).map(({ stepKey }) => stepKey);
}

async function outputOf(id: string): Promise<string | undefined> {
  return (await daemon.client.service(AgentExecutionQueryController).get({ id })).status?.output;
}

async function verify(executionId: string) {
  return await daemon.client.service(ExecutionQueryController).verify({ executionId });
}

it("shares the journal up to any sequence: steps before it are not made again, those after it are", async () => {
  const id = await ended();
  const events = await eventsOf(daemon.client, id);
  const before = await verify(id);
  const all = await madeBy(id);

  for (const sequence of events.keys()) {
    const shared = events
      .slice(0, sequence + 1)
      .flatMap(({ event, stepKey }) =>
        event.case === "modelCallFinished" || event.case === "toolCallFinished" ? [stepKey] : [],
      );
    const other = await fork(id, { sequence: BigInt(sequence + 1) });

    expect(await madeBy(other)).toEqual(all.filter((step) => !shared.includes(step)));
    expect(await outputOf(other)).toBe("x three");
    expect(await verify(other)).toMatchObject({ valid: true });
  }
  expect(await verify(id)).toEqual(before);
  expect(await eventsOf(daemon.client, id)).toEqual(events);
});

it("shares all of it where no sequence is named, and has a session of its own", async () => {
  const id = await ended();

  const other = await daemon.client.service(AgentExecutionQueryController).get({ id: await fork(id) });
  const original = await daemon.client.service(AgentExecutionQueryController).get({ id });

  expect(await madeBy(idOf(other))).toEqual([]);
  expect(other.status).toMatchObject({ fork: { executionId: id, sequence: original.status?.sequence } });
  expect(other.status?.sessionId).not.toBe(original.status?.sessionId);
  expect(other.status?.usage).toMatchObject({ inputTokens: 0n, outputTokens: 0n });
});

it("asks another model from there on", async () => {
  const id = await ended();
  const sequence = await sequenceOf(id, "toolCallFinished");

  const other = await fork(id, { sequence, model: model("y") });

  expect(await outputOf(other)).toBe("y three");
  expect(await madeBy(other)).toEqual(["model/2", "model/3"]);
});

it("says something else, by another agent, where no model was asked yet", async () => {
  await createAgent(daemon.client, { name: "other", model: model("x"), spec: { instructions: "help otherwise" } });
  const id = await ended();

  const other = await fork(id, { sequence: 2n, message: "something else", agent: "other" });

  const [created] = valuesOf(await eventsOf(daemon.client, other), "created");
  expect(created).toMatchObject({
    message: "something else",
    agent: "other",
    spec: { instructions: "help otherwise" },
  });
  expect(await madeBy(other)).toEqual(["model/1", "tool", "model/2", "model/3"]);
});

it.each([
  ["message", { message: "something else" }],
  ["agent", { agent: "acting" }],
] as const)("refuses another %s where a model has read the first", async (field, change) => {
  const id = await ended();
  const sequence = await sequenceOf(id, "modelCallFinished");

  const fault = await refused(tell(daemon.client, "fork", id, { sequence, ...change }));

  expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field }] });
});

it("refuses a sequence that the journal does not have, and an execution that there is none of", async () => {
  const id = await ended();
  const { entries } = await verify(id);

  const beyond = await refused(tell(daemon.client, "fork", id, { sequence: entries + 1n }));
  const unknown = await refused(tell(daemon.client, "fork", "aex_0"));

  expect(beyond).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "sequence" }] });
  expect(unknown.reason).toBe("RESOURCE_NOT_FOUND");
});

it("forks forks, each with what both above it share", async () => {
  const id = await ended();
  const first = await fork(id, { sequence: await sequenceOf(id, "toolCallFinished"), model: model("y") });

  const second = await fork(first, { sequence: await sequenceOf(first, "modelCallFinished"), model: model("z") });
  const third = await fork(second, { sequence: 1n, model: model("w") });

  expect(await madeBy(second)).toEqual(["model/3"]);
  expect(await outputOf(second)).toBe("z three");
  expect(await madeBy(third)).toEqual(["model/3"]);
  for (const one of [first, second, third]) expect(await verify(one)).toMatchObject({ valid: true });
});

it("knows the steps that it shares after a restart of the daemon", async () => {
  const id = await ended();
  const sequence = await sequenceOf(id, "toolCallFinished");
  await runner[Symbol.asyncDispose]();
  const other = idOf(await tell(daemon.client, "fork", id, { sequence }));

  await daemon.stop();
  await daemon.start();
  runner = startKitRunner(daemon, { agent: loop, tools: host });
  await untilEnd(daemon.client, other);

  expect(await madeBy(other)).toEqual(["model/2", "model/3"]);
});

it("asks anew what is open where it leaves the other, whose question stays open", async () => {
  const id = idOf(await execute(daemon.client, { agent: "acting" }));
  const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);

  const other = idOf(await tell(daemon.client, "fork", id));
  const asked = await untilPhase(daemon.client, other, Phase.WAITING_FOR_APPROVAL);
  await decide(daemon.client, asked.status?.approvalId ?? "");
  await untilEnd(daemon.client, other);
  const original = await daemon.client.service(AgentExecutionQueryController).get({ id });

  expect(asked.status?.approvalId).not.toBe(status?.approvalId);
  expect(original.status).toMatchObject({ phase: Phase.WAITING_FOR_APPROVAL, approvalIds: [status?.approvalId] });
  expect(host.calls.map(({ idempotencyKey }) => idempotencyKey)).toEqual([`${other}/tool`]);
});

it("can be retried where the failure is one that it shares", async () => {
  const bad = daemon.script([{ text: "one" }, { error: { status: 400, message: "no" } }]);
  const id = idOf(await execute(daemon.client, { model: bad }));
  await untilEnd(daemon.client, id);
  const other = await fork(id, { model: model("y") });

  const before = await outputOf(other);
  await tell(daemon.client, "retry", other);
  await eventsUntil(
    daemon.client,
    other,
    ({ event }) => event.case === "phaseChanged" && event.value.phase === Phase.SUCCEEDED,
  );

  expect(before).toBe("");
  expect(await madeBy(other)).toEqual(["model/2", "model/3"]);
});

it.each([1n, 0n])("goes on from the same conversation of the session, forked at %s", async (sequence) => {
  const first = await daemon.client.service(AgentExecutionQueryController).get({ id: await ended() });
  const second = await execute(daemon.client, { sessionId: first.status?.sessionId ?? "" });
  await untilEnd(daemon.client, idOf(second));

  const other = await fork(idOf(second), { sequence });

  expect(histories.get(idOf(second))).toEqual(["hello", "x one", "x two", "x three"]);
  expect(histories.get(other)).toEqual(histories.get(idOf(second)));
});

async function sequenceOf(id: string, kind: "modelCallFinished" | "toolCallFinished"): Promise<bigint> {
  const events = await eventsOf(daemon.client, id);
  return BigInt(events.findIndex(({ event }) => event.case === kind) + 1);
}
