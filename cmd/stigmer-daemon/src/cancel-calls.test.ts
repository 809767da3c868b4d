import { AgentExecutionQueryController, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tell } from "./commands.fake.ts";
import { callTool } from "./driven.fake.ts";
import { eventsOf, kindsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { type Begun, type Tended, tend } from "./tended.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const GRACE_MS = 10_000;

let daemon: TestDaemon;
let clock: SteppedClock;
let runner: Tended;

beforeEach(async () => {
  clock = createSteppedClock();
  daemon = await startTestDaemon({ clock, drainMs: 0 });
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { servers: ["files"], model: daemon.script([]) });
  runner = await tend(daemon.client);
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await daemon[Symbol.asyncDispose]();
});

async function running(): Promise<Begun & { readonly id: string }> {
  const id = idOf(await execute(daemon.client));
  return { id, ...(await runner.begin(id)) };
}

async function phaseOf(id: string): Promise<Phase | undefined> {
  return (await daemon.client.service(AgentExecutionQueryController).get({ id })).status?.phase;
}

describe("an execution that is cancelled while a call of a tool runs", () => {
  it("asks the tool to stop, records what became of the call, and ends then", async () => {
    const { id, call, told } = await running();

    const cancelling = await tell(daemon.client, "cancel", id, { comment: "enough" });
    const stop = await runner.line.next("cancelTool");
    const between = await phaseOf(id);
    runner.answer(call, "half of it");
    const ended = await untilEnd(daemon.client, id);

    expect(cancelling.status).toMatchObject({ phase: Phase.RUNNING, cancelDeadline: expect.anything() });
    expect(stop.call).toEqual(call.call);
    expect(between).toBe(Phase.RUNNING);
    expect(await told).toMatchObject({ case: "result", value: { content: "half of it" } });
    expect(ended.status).toMatchObject({
      phase: Phase.CANCELLED,
      error: { reason: "EXECUTION_CANCELLED", message: "enough" },
    });
    expect(ended.status?.cancelDeadline).toBeUndefined();
    const kinds = kindsOf(await eventsOf(daemon.client, id));
    expect(kinds.slice(-3)).toEqual(["cancelRequested", "toolCallFinished", "phaseChanged"]);
  });

  it("ends after its time, whatever still runs, and what comes later changes nothing", async () => {
    const { id, call } = await running();
    await tell(daemon.client, "cancel", id);

    clock.step(GRACE_MS);
    const ended = await untilEnd(daemon.client, id);
    runner.answer(call, "too late");
    const acknowledged = await runner.line.next("acknowledged");

    expect(ended.status?.phase).toBe(Phase.CANCELLED);
    expect(acknowledged.message).toMatchObject({ case: "call", value: { executionId: id } });
    expect(valuesOf(await eventsOf(daemon.client, id), "toolCallFinished")).toEqual([]);
  });

  it("says nothing new to whoever cancels it again, and begins nothing new", async () => {
    const { id, lease, call } = await running();
    const first = await tell(daemon.client, "cancel", id);

    const again = await tell(daemon.client, "cancel", id);
    const fenced = await refused(callTool(daemon.client, lease, { name: "files__act" }, "another"));
    runner.answer(call, "");
    await untilEnd(daemon.client, id);

    expect(again).toEqual(first);
    expect(fenced.reason).toBe("LEASE_FENCED");
    expect(valuesOf(await eventsOf(daemon.client, id), "cancelRequested")).toMatchObject([{ by: "tester" }]);
  });

  it("keeps its session until it has ended", async () => {
    const { id, call } = await running();
    const { status } = await daemon.client.service(AgentExecutionQueryController).get({ id });
    const next = idOf(await execute(daemon.client, { sessionId: status?.sessionId ?? "" }));

    await tell(daemon.client, "cancel", id);
    await runner.lease(idOf(await execute(daemon.client)));
    const before = valuesOf(await eventsOf(daemon.client, next), "leaseGranted");
    runner.answer(call, "");

    expect(before).toEqual([]);
    expect((await runner.lease(next)).epoch).toBe(1n);
  });

  it("ends by its deadline where the daemon is restarted meanwhile", async () => {
    const { id, told } = await running();
    const cut = refused(told);
    await tell(daemon.client, "cancel", id);

    await daemon.stop();
    clock.step(GRACE_MS);
    await daemon.start();

    expect((await untilEnd(daemon.client, id)).status?.phase).toBe(Phase.CANCELLED);
    expect((await cut).reason).toBe("SHUTTING_DOWN");
  });

  it("is terminated at once where somebody says so", async () => {
    const { id, call, told } = await running();
    const cut = refused(told);
    await tell(daemon.client, "cancel", id);

    const terminated = await tell(daemon.client, "terminate", id, { comment: "now" });
    runner.answer(call, "too late");
    const acknowledged = await runner.line.next("acknowledged");

    expect(terminated.status).toMatchObject({
      phase: Phase.TERMINATED,
      error: { reason: "EXECUTION_TERMINATED", message: "now" },
    });
    expect((await cut).reason).toBe("LEASE_FENCED");
    expect(acknowledged.message).toMatchObject({ case: "call", value: { executionId: id } });
    expect(valuesOf(await eventsOf(daemon.client, id), "toolCallFinished")).toEqual([]);
  });
});
