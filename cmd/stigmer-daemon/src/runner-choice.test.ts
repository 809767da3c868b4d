import { ExecutionPhase as Phase, RunnerCommandController, RunnerQueryController } from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tell } from "./commands.fake.ts";
import { eventsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf, type RunnerLine } from "./runner-line.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { tend } from "./tended.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
let clock: SteppedClock;

beforeEach(async () => {
  clock = createSteppedClock();
  daemon = await startTestDaemon({ clock });
  await createAgent(daemon.client, { model: daemon.script([]) });
});
afterEach(() => daemon[Symbol.asyncDispose]());

async function record(name: string) {
  return await daemon.client.service(RunnerQueryController).getByReference({ name });
}

async function drain(name: string) {
  return await daemon.client.service(RunnerCommandController).drain({ id: idOf(await record(name)) });
}

function assignmentsOf(line: RunnerLine): string[] {
  return line.heard.flatMap((said) => (said.case === "assignment" ? [leaseOf(said.value).executionId] : []));
}

describe("an agent that selects runners by labels", () => {
  beforeEach(async () => {
    const spec = { runnerSelector: { gpu: "yes", zone: "eu" } };
    await createAgent(daemon.client, { name: "picky", model: daemon.script([]), spec });
  });

  it.each([
    ["no labels", {}],
    ["one of them", { gpu: "yes" }],
    ["another value", { gpu: "yes", zone: "us" }],
  ])("is not driven by a runner with %s, and by one that has them all", async (_, labels) => {
    const other = await connectRunner(daemon.client, { name: "other", labels: labels as Record<string, string> });
    const id = idOf(await execute(daemon.client, { agent: "picky" }));
    const plain = idOf(await execute(daemon.client));
    await other.next("assignment");

    const fitting = await connectRunner(daemon.client, { name: "fitting", labels: { gpu: "yes", zone: "eu", x: "" } });
    const taken = leaseOf(await fitting.next("assignment"));

    expect(taken.executionId).toBe(id);
    expect(assignmentsOf(other)).toEqual([plain]);
  });

  it("goes on being driven by such a runner after it was paused", async () => {
    const other = await connectRunner(daemon.client, { name: "other" });
    const fitting = await tend(daemon.client, { name: "fitting", labels: { gpu: "yes", zone: "eu" } });
    const id = idOf(await execute(daemon.client, { agent: "picky" }));
    await fitting.lease(id);

    await tell(daemon.client, "pause", id);
    await tell(daemon.client, "resume", id);

    expect((await fitting.lease(id)).epoch).toBe(2n);
    expect(assignmentsOf(other)).toEqual([]);
  });
});

describe("an assignment that is declined", () => {
  it("goes to another runner, with a higher epoch", async () => {
    const first = await connectRunner(daemon.client, { name: "first", slots: 1 });
    const id = idOf(await execute(daemon.client));
    const lease = leaseOf(await first.next("assignment"));
    const second = await connectRunner(daemon.client, { name: "second", slots: 2 });

    first.send({ case: "declined", value: { lease } });
    await first.beat();
    clock.step(1_000);
    const taken = leaseOf(await second.next("assignment"));

    expect(taken).toEqual({ ...lease, executionId: id, epoch: lease.epoch + 1n });
  });

  it("is not offered to the same runner over and over: others go first", async () => {
    const line = await connectRunner(daemon.client, { slots: 1 });
    const id = idOf(await execute(daemon.client));
    line.send({ case: "declined", value: { lease: leaseOf(await line.next("assignment")) } });
    await line.beat();
    const other = idOf(await execute(daemon.client));
    const next = leaseOf(await line.next("assignment"));

    line.send({ case: "attemptFinished", value: { lease: next, outcome: { case: "output", value: "" } } });
    await untilEnd(daemon.client, other);
    const granted = valuesOf(await eventsOf(daemon.client, id), "leaseGranted");
    clock.step(1_000);

    expect(next.executionId).toBe(other);
    expect(granted).toHaveLength(1);
    expect(leaseOf(await line.next("assignment"))).toMatchObject({ executionId: id, epoch: 2n });
  });

  it("is still the lease of whoever got it meanwhile", async () => {
    const line = await connectRunner(daemon.client, { slots: 2 });
    const id = idOf(await execute(daemon.client));
    const old = leaseOf(await line.next("assignment"));
    await tell(daemon.client, "pause", id);
    await tell(daemon.client, "resume", id);
    const lease = leaseOf(await line.next("assignment"));

    line.send({ case: "declined", value: { lease: old } });
    line.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "mine" } } });

    expect((await untilEnd(daemon.client, id)).status?.output).toBe("mine");
  });
});

describe("a runner that drains", () => {
  it("is told so, finishes what it has, and gets nothing new", async () => {
    const draining = await tend(daemon.client, { name: "draining" });
    const id = idOf(await execute(daemon.client));
    const lease = await draining.lease(id);

    const answer = await drain("draining");
    await draining.line.next("drain");
    const other = await connectRunner(daemon.client, { name: "other", slots: 1 });
    const next = idOf(await execute(daemon.client));
    const taken = leaseOf(await other.next("assignment"));
    draining.finish(lease, "finished");
    const ended = await untilEnd(daemon.client, id);
    const waiting = idOf(await execute(daemon.client)); // the other has its hands full
    await draining.line.beat();

    expect(answer.status).toMatchObject({ draining: true, connected: true });
    expect((await record("draining")).status?.draining).toBe(true);
    expect(taken.executionId).toBe(next);
    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "finished" });
    expect(assignmentsOf(draining.line)).toEqual([id]);
    expect(valuesOf(await eventsOf(daemon.client, waiting), "leaseGranted")).toEqual([]);
  });

  it("is told once, however often it is asked for", async () => {
    const line = await connectRunner(daemon.client, { name: "draining" });

    const first = await drain("draining");
    const again = await drain("draining");
    await line.beat();

    expect(again.status).toEqual(first.status);
    expect(line.heard.filter(({ case: kind }) => kind === "drain")).toHaveLength(1);
  });

  it.each([
    ["says so", async (line: RunnerLine) => line.send({ case: "draining", value: {} })],
    ["says so in its hello", async () => {}],
  ])("may be one that %s by itself", async (how, say) => {
    const line = await connectRunner(daemon.client, { name: "draining", draining: how.includes("hello") });
    await say(line);
    await line.beat();

    const other = await connectRunner(daemon.client, { name: "other" });
    const id = idOf(await execute(daemon.client));

    expect(leaseOf(await other.next("assignment")).executionId).toBe(id);
    expect((await record("draining")).status?.draining).toBe(true);
    expect(assignmentsOf(line)).toEqual([]);
  });

  it("does not drain any more once another process of its name is there", async () => {
    const line = await connectRunner(daemon.client, { name: "same" });
    await drain("same");
    await line.hangUp();

    const next = await connectRunner(daemon.client, { name: "same" });
    const id = idOf(await execute(daemon.client));

    expect(leaseOf(await next.next("assignment")).executionId).toBe(id);
    expect((await record("same")).status).toMatchObject({ draining: false, instance: next.instance });
  });

  it("has to be connected", async () => {
    const line = await connectRunner(daemon.client, { name: "gone" });
    await line.hangUp();

    expect(await refused(drain("gone"))).toMatchObject({ kind: "unavailable", reason: "RUNNER_NOT_CONNECTED" });
    const unknown = daemon.client.service(RunnerCommandController).drain({ id: "rnr_0" });
    expect((await refused(unknown)).reason).toBe("RESOURCE_NOT_FOUND");
  });
});

it("shows a runner's labels, slots and process", async () => {
  const line = await connectRunner(daemon.client, { name: "shown", slots: 3, labels: { zone: "eu" } });

  expect(await record("shown")).toMatchObject({
    spec: { slots: 3, labels: { zone: "eu" } },
    status: { connected: true, draining: false, instance: line.instance },
  });
});

it("keeps what an old attempt says as evidence, so much of it and no more", async () => {
  const runner = await tend(daemon.client);
  const id = idOf(await execute(daemon.client));
  const old = await runner.lease(id);
  await tell(daemon.client, "pause", id);
  await tell(daemon.client, "resume", id);
  const lease = await runner.lease(id);

  for (let count = 0; count < 20; count++) runner.fail(old, "too late");
  runner.finish(lease, "in time");
  const ended = await untilEnd(daemon.client, id);
  runner.fail(old, "later still");
  await runner.line.beat();

  const late = valuesOf(await eventsOf(daemon.client, id), "lateMessage");
  expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "in time" });
  expect(late).toHaveLength(16);
  expect(late[0]).toMatchObject({ runner: "tended" });
});
