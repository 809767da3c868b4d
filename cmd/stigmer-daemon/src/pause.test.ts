import {
  AgentExecutionQueryController,
  ExecutionPhase as Phase,
  RevokeCause,
  SessionQueryController,
} from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { decide, tell } from "./commands.fake.ts";
import { callTool, generate } from "./driven.fake.ts";
import { eventsOf, eventsUntil, kindsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { type ModelServer, startModelServer } from "./model-server.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { type Tended, tend } from "./tended.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const ACT = { name: "files__act" };
const ASK = { name: "ask_user", arguments: '{"question":"which?"}' };

let daemon: TestDaemon;
let provider: ModelServer;
let runner: Tended;

beforeEach(async () => {
  provider = await startModelServer();
  daemon = await startTestDaemon();
  daemon.configure(provider.config);
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { model: "held/m", servers: ["files"], spec: { askUser: true } });
  runner = await tend(daemon.client);
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await daemon[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

describe("an execution that is paused while it works", () => {
  it("has its model call recorded, which is not made again", async () => {
    const id = idOf(await execute(daemon.client));
    const lease = await runner.lease(id);
    const first = allOf(generate(daemon.client, lease));
    const call = await provider.next();

    const paused = await tell(daemon.client, "pause", id, { comment: "lunch" });
    const revoked = await runner.line.next("revoke");
    call.say("an answer");
    call.finish();
    await first;
    await eventsUntil(daemon.client, id, ({ event }) => event.case === "modelCallFinished");
    const between = await tell(daemon.client, "pause", id);
    await tell(daemon.client, "resume", id);
    const next = await runner.lease(id);
    const [again] = await allOf(generate(daemon.client, next));

    expect(paused.status?.phase).toBe(Phase.PAUSED);
    expect(revoked).toMatchObject({ lease, cause: RevokeCause.PAUSED });
    expect(between.status?.phase).toBe(Phase.PAUSED);
    expect(next.epoch).toBe(lease.epoch + 1n);
    expect(again?.message.case).toBe("result");
    expect(provider.count).toBe(1);
    const [, , said] = valuesOf(await eventsOf(daemon.client, id), "phaseChanged");
    expect(said).toMatchObject({ phase: Phase.PAUSED, by: "tester", comment: "lunch" });
  });

  it("has its tool call recorded, which is not made again", async () => {
    const id = idOf(await execute(daemon.client));
    const { told, call } = await runner.begin(id);

    await tell(daemon.client, "pause", id);
    runner.answer(call, "done");
    await told;
    await tell(daemon.client, "resume", id);
    const again = await callTool(daemon.client, await runner.lease(id), ACT);

    expect(again).toMatchObject({ case: "result", value: { content: "done" } });
    expect(valuesOf(await eventsOf(daemon.client, id), "toolCallStarted")).toHaveLength(1);
    expect(runner.line.heard.filter(({ case: kind }) => kind === "cancelTool")).toEqual([]);
  });

  it("does not end by the attempt that ran", async () => {
    const id = idOf(await execute(daemon.client));
    const lease = await runner.lease(id);

    await tell(daemon.client, "pause", id);
    runner.finish(lease, "too late");
    await runner.line.next("acknowledged");
    const resumed = await tell(daemon.client, "resume", id);
    runner.finish(await runner.lease(id), "in time");

    expect(resumed.status?.phase).toBe(Phase.PENDING);
    expect((await untilEnd(daemon.client, id)).status?.output).toBe("in time");
    expect(kindsOf(await eventsOf(daemon.client, id))).toContain("lateMessage");
  });

  it("is not handed out again where it is cancelled and then resumed while a call runs", async () => {
    const id = idOf(await execute(daemon.client));
    const { call } = await runner.begin(id);

    await tell(daemon.client, "pause", id);
    await tell(daemon.client, "cancel", id);
    await tell(daemon.client, "resume", id);
    const other = idOf(await execute(daemon.client));
    await runner.lease(other);
    runner.answer(call, "stopped");
    const ended = await untilEnd(daemon.client, id);

    expect(ended.status?.phase).toBe(Phase.CANCELLED);
    expect(valuesOf(await eventsOf(daemon.client, id), "leaseGranted")).toHaveLength(2);
  });
});

it("stays paused where a runner takes the execution at that moment", async () => {
  const paused = await Promise.all(
    Array.from({ length: 100 }, async () => await tell(daemon.client, "pause", idOf(await execute(daemon.client)))),
  );
  const ids = paused.map(idOf);
  const other = idOf(await execute(daemon.client));
  await runner.lease(other); // so the others would have been handed out too
  const phases = await Promise.all(
    ids.map(async (id) => (await daemon.client.service(AgentExecutionQueryController).get({ id })).status?.phase),
  );

  expect(new Set(paused.map(({ status }) => status?.phase))).toEqual(new Set([Phase.PAUSED]));
  expect(new Set(phases)).toEqual(new Set([Phase.PAUSED]));
});

describe("an execution that is paused while others of its session go first", () => {
  async function queued() {
    const first = await execute(daemon.client);
    const sessionId = first.status?.sessionId ?? "";
    const lease = await runner.lease(idOf(first));
    const second = idOf(await execute(daemon.client, { sessionId }));
    await tell(daemon.client, "pause", second);
    return { sessionId, lease, first: idOf(first), second };
  }

  it("has its turn, and stays asleep until it is resumed", async () => {
    const { sessionId, lease, first, second } = await queued();

    runner.finish(lease, "");
    await untilEnd(daemon.client, first);
    const session = await daemon.client.service(SessionQueryController).get({ id: sessionId });
    const third = idOf(await execute(daemon.client));
    await runner.lease(third); // so the second would have been handed out too
    const before = valuesOf(await eventsOf(daemon.client, second), "leaseGranted");
    await tell(daemon.client, "resume", second);

    expect(session.status?.activeExecutionId).toBe(second);
    expect(before).toEqual([]);
    expect((await runner.lease(second)).epoch).toBe(1n);
  });

  it("waits on where it is resumed before its turn", async () => {
    const { lease, second } = await queued();

    const resumed = await tell(daemon.client, "resume", second);
    const third = idOf(await execute(daemon.client));
    await runner.lease(third);
    const before = valuesOf(await eventsOf(daemon.client, second), "leaseGranted");
    runner.finish(lease, "");

    expect(resumed.status?.phase).toBe(Phase.PENDING);
    expect(before).toEqual([]);
    expect((await runner.lease(second)).epoch).toBe(1n);
  });
});

describe("an execution that is paused while it waits for a person", () => {
  it.each([
    ["decision", ACT, Phase.WAITING_FOR_APPROVAL],
    ["answer", ASK, Phase.WAITING_FOR_INPUT],
  ] as const)("waits for the %s again when it is resumed", async (_, call, phase) => {
    const id = await waiting(call);

    await tell(daemon.client, "pause", id);
    const resumed = await tell(daemon.client, "resume", id);

    expect(resumed.status?.phase).toBe(phase);
    await answer(id);
    expect((await runner.lease(id)).epoch).toBe(2n);
  });

  it.each([
    ["approval is decided", ACT],
    ["question is answered", ASK],
  ] as const)("stays so while its %s, and goes on with that when it is resumed", async (_, call) => {
    const id = await waiting(call);

    await tell(daemon.client, "pause", id);
    await answer(id);
    const paused = await untilPhase(daemon.client, id, Phase.PAUSED);
    const resumed = await tell(daemon.client, "resume", id);
    const lease = await runner.lease(id);
    const going = callTool(daemon.client, lease, call);
    if (call === ACT) runner.answer(await runner.call(), "blue");

    expect(paused.status).toMatchObject({ phase: Phase.PAUSED, approvalIds: [] });
    expect(paused.status?.question).toBeUndefined();
    expect(resumed.status?.phase).toBe(Phase.PENDING);
    expect(await going).toMatchObject({ case: "result", value: { content: "blue", isError: false } });
  });

  async function waiting(call: typeof ACT | typeof ASK): Promise<string> {
    const id = idOf(await execute(daemon.client));
    const lease = await runner.lease(id);
    await runner.list(lease);
    await callTool(daemon.client, lease, call);
    return id;
  }

  /** Whatever it waits for. */
  async function answer(id: string): Promise<void> {
    const { status } = await daemon.client.service(AgentExecutionQueryController).get({ id });
    if (status?.question) await tell(daemon.client, "provideInput", id);
    else await decide(daemon.client, status?.approvalId ?? "");
  }
});
