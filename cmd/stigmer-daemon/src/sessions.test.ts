import {
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  ExecutionPhase as Phase,
  SessionCommandController,
  SessionQueryController,
} from "@stigmer/contracts/agentic";
import { RunningPolicy } from "@stigmer/contracts/commons";
import { textOf } from "@stigmer/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { tell } from "./commands.fake.ts";
import { generate } from "./driven.fake.ts";
import { eventsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { type Tended, tend } from "./tended.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
let runner: Tended;

beforeEach(async () => {
  daemon = await startTestDaemon();
  await createAgent(daemon.client, { model: daemon.script([{ text: "said" }]) });
  runner = await tend(daemon.client);
});
afterEach(() => daemon[Symbol.asyncDispose]());

async function session(id: string) {
  return (await daemon.client.service(SessionQueryController).get({ id })).status;
}

/** A session with an execution that runs and others that wait. */
async function queue(length: number) {
  const first = await execute(daemon.client);
  const sessionId = first.status?.sessionId ?? "";
  const lease = await runner.lease(idOf(first));
  const waiting: string[] = [];
  for (let at = 1; at <= length; at++)
    waiting.push(idOf(await execute(daemon.client, { sessionId, message: `message ${at}` })));
  return { sessionId, lease, first: idOf(first), waiting };
}

describe("a session's executions", () => {
  it("have their turns in the order in which they were started", async () => {
    const { sessionId, lease, waiting } = await queue(3);
    const before = await session(sessionId);

    runner.finish(lease, "");
    const order: string[] = [];
    for (const _ of waiting) {
      const next = await runner.line.next("assignment");
      order.push(next.lease?.executionId ?? "");
      if (next.lease) runner.finish(next.lease, "");
    }
    await untilEnd(daemon.client, order.at(-1) ?? "");

    expect(before?.queuedExecutionIds).toEqual(waiting);
    expect(order).toEqual(waiting);
    expect(await session(sessionId)).toMatchObject({ activeExecutionId: "", queuedExecutionIds: [] });
  });

  it("have the conversation of those before them, bound when they begin", async () => {
    const { lease, waiting } = await queue(2);

    await allOf(generate(daemon.client, lease, { text: "first" }));
    runner.finish(lease, "said");
    const second = await runner.assignment(waiting[0] ?? "");
    if (second.lease) runner.finish(second.lease, ""); // it makes no model call
    const third = await runner.assignment(waiting[1] ?? "");

    expect(second.history.map(textOf)).toEqual(["first", "said"]);
    expect(third.history.map(textOf)).toEqual(["first", "said"]);
    const [bound] = valuesOf(await eventsOf(daemon.client, waiting[0] ?? ""), "historyBound");
    expect(bound?.messageHashes.map(({ length }) => length)).toEqual([32, 32]);
  });

  it("are handed out one at a time, however many are started at once", async () => {
    const { sessionId, first, lease } = await queue(0);

    const many = await Promise.all(Array.from({ length: 20 }, () => execute(daemon.client, { sessionId })));
    runner.finish(lease, "");
    await untilEnd(daemon.client, first);
    const status = await session(sessionId);

    const ids = new Set(many.map(idOf));
    expect(status?.queuedExecutionIds).toHaveLength(19);
    expect(new Set([status?.activeExecutionId, ...(status?.queuedExecutionIds ?? [])])).toEqual(ids);
  });

  it("are at most a hundred that wait", async () => {
    const { sessionId, first } = await queue(100);

    const fault = await refused(execute(daemon.client, { sessionId }));

    expect(fault).toMatchObject({ kind: "exhausted", reason: "SESSION_BUSY", facts: { execution: first } });
  });
});

describe("the next execution of a session has its turn where the one before it", () => {
  it.each([
    ["succeeds", async (_: string, end: () => void) => end(), Phase.SUCCEEDED],
    ["is cancelled", (id: string) => tell(daemon.client, "cancel", id), Phase.CANCELLED],
    ["is terminated", (id: string) => tell(daemon.client, "terminate", id), Phase.TERMINATED],
  ] as const)("%s", async (_, end, phase) => {
    const { first, lease, waiting } = await queue(1);

    await end(first, () => runner.finish(lease, ""));
    const next = await runner.lease(waiting[0] ?? "");

    expect(next.epoch).toBe(1n);
    expect((await untilEnd(daemon.client, first)).status?.phase).toBe(phase);
  });

  it("fails", async () => {
    const { lease, waiting } = await queue(1);

    runner.fail(lease);

    expect((await runner.lease(waiting[0] ?? "")).epoch).toBe(1n);
  });

  it("is cancelled while it is paused", async () => {
    const { first, waiting } = await queue(1);

    await tell(daemon.client, "pause", first);
    await tell(daemon.client, "cancel", first);

    expect((await runner.lease(waiting[0] ?? "")).epoch).toBe(1n);
  });
});

it("lets one that waits be cancelled, and those behind it move up", async () => {
  const { sessionId, first, lease, waiting } = await queue(3);

  const cancelled = await tell(daemon.client, "cancel", waiting[1] ?? "");
  const after = await session(sessionId);
  runner.finish(lease, "");
  await untilEnd(daemon.client, first);
  const next = await runner.lease(waiting[0] ?? "");
  runner.finish(next, "");

  expect(cancelled.status?.phase).toBe(Phase.CANCELLED);
  expect(after).toMatchObject({ activeExecutionId: first, queuedExecutionIds: [waiting[0], waiting[2]] });
  expect((await runner.lease(waiting[2] ?? "")).epoch).toBe(1n);
  expect(valuesOf(await eventsOf(daemon.client, waiting[1] ?? ""), "leaseGranted")).toEqual([]);
});

it("keeps its queue over a restart of the daemon", async () => {
  const { lease, waiting } = await queue(2);
  const { instance } = runner.line;

  await Promise.all([runner.line.hangUp(), daemon.stop()]);
  await daemon.start();
  runner = await tend(daemon.client, { instance, running: [lease] });
  runner.finish(lease, "");

  expect((await runner.lease(waiting[0] ?? "")).epoch).toBe(1n);
  expect(runner.line.heard.filter(({ case: kind }) => kind === "assignment")).toHaveLength(1);
});

it("ends those that wait with the session that is deleted, and leaves none behind", async () => {
  const { sessionId, first, waiting } = await queue(2);

  await daemon.client.service(SessionCommandController).delete({ id: sessionId, running: RunningPolicy.CANCEL });

  for (const id of [first, ...waiting]) expect((await untilEnd(daemon.client, id)).status?.phase).toBe(Phase.CANCELLED);
});

describe("a batch", () => {
  const metadata = {};
  const spec = { agent: "helper", message: "hello" };

  it("starts all of its executions, each in a session of its own or in one that it names", async () => {
    const { sessionId, first } = await queue(0);
    const commands = daemon.client.service(AgentExecutionCommandController);

    const { executions } = await commands.createBatch({
      executions: [
        { metadata, spec },
        { metadata, spec: { message: "more", sessionId } },
        { metadata: { name: "named" }, spec },
      ],
    });

    expect(new Set(executions.map(({ status }) => status?.sessionId)).size).toBe(3);
    expect(executions.map(({ status }) => status?.phase)).toEqual([Phase.PENDING, Phase.PENDING, Phase.PENDING]);
    expect(executions[2]?.metadata?.name).toBe("named");
    expect(await session(sessionId)).toMatchObject({ activeExecutionId: first });
    for (const at of [0, 2]) await runner.lease(idOf(executions[at] ?? {}));
  });

  it.each([
    ["an agent that there is none of", { metadata, spec: { ...spec, agent: "absent" } }, "REFERENCE_NOT_FOUND"],
    ["a model that nobody provides", { metadata, spec: { ...spec, model: "nobody/m" } }, "PROVIDER_NOT_CONFIGURED"],
    ["a name that stands twice", { metadata: { name: "twice" }, spec }, "RESOURCE_EXISTS"],
  ] as const)("starts nothing where one of them has %s", async (_, wrong, reason) => {
    const executions = [{ metadata: { name: "twice" }, spec }, { metadata, spec }, wrong];

    const fault = await refused(daemon.client.service(AgentExecutionCommandController).createBatch({ executions }));
    const { items } = await daemon.client.service(AgentExecutionQueryController).list({});

    expect(fault.reason).toBe(reason);
    expect(items).toEqual([]);
  });

  it("refuses two of one session", async () => {
    const { sessionId } = await queue(0);
    const one = { metadata, spec: { message: "more", sessionId } };

    const fault = await refused(
      daemon.client.service(AgentExecutionCommandController).createBatch({ executions: [one, one] }),
    );

    expect(fault).toMatchObject({
      reason: "INVALID_REQUEST",
      violations: [{ field: "executions[1].spec.sessionId" }],
    });
  });

  it("is started once by an idempotency key", async () => {
    const commands = daemon.client.service(AgentExecutionCommandController);
    const options = { headers: { "idempotency-key": "batch" } };
    const executions = Array.from({ length: 50 }, () => ({ metadata, spec }));

    const first = await commands.createBatch({ executions }, options);
    const again = await commands.createBatch({ executions }, options);
    const { items } = await daemon.client.service(AgentExecutionQueryController).list({ pageSize: 1000 });

    expect(again).toEqual(first);
    expect(items).toHaveLength(50);
  });

  it.each([0, 1001])("of %s is refused", async (length) => {
    const executions = Array.from({ length }, () => ({ metadata, spec }));

    const fault = await refused(daemon.client.service(AgentExecutionCommandController).createBatch({ executions }));

    expect(fault.reason).toBe("INVALID_REQUEST");
  });
});

it("is refused, whole, where more would wait for runners than may", async () => {
  await using small = await startTestDaemon({ maxQueuedExecutions: 3 });
  await createAgent(small.client, { model: small.script([]) });
  const one = { metadata: {}, spec: { agent: "helper", message: "hello" } };
  const commands = small.client.service(AgentExecutionCommandController);

  await commands.createBatch({ executions: [one, one] });
  const two = await refused(commands.createBatch({ executions: [one, one] }));
  const last = await execute(small.client);
  const more = await refused(execute(small.client));
  const forked = await refused(tell(small.client, "fork", idOf(last)));
  await tell(small.client, "cancel", idOf(last));
  await execute(small.client);

  for (const fault of [two, more, forked]) {
    expect(fault).toMatchObject({ kind: "exhausted", reason: "LIMIT_REACHED", facts: { limit: "queued executions" } });
  }
  expect((await small.client.service(AgentExecutionQueryController).list({})).items).toHaveLength(4);
});
