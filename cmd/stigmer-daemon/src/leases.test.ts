import { join } from "node:path";
import { silentLog, systemClock } from "@stigmer/base";
import { RunnerQueryController, RunnerRole } from "@stigmer/contracts/agentic";
import { openLevelStore } from "@stigmer/store-leveldb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { drive } from "./driven.fake.ts";
import { eventsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { type ModelServer, startModelServer } from "./model-server.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf } from "./runner-line.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

/** Longer than a lease lasts, and less than that. */
const LONG_MS = 16_000;
const SHORT_MS = 10_000;

let daemon: TestDaemon;
let provider: ModelServer;
let clock: SteppedClock;

beforeEach(async () => {
  provider = await startModelServer();
  clock = createSteppedClock();
  daemon = await startTestDaemon({ clock });
  daemon.configure(provider.config);
  await createAgent(daemon.client, { model: "held/m" });
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

describe("a lease", () => {
  it("that is not renewed is over, and another runner takes the execution", async () => {
    const { id, lease, line } = await drive(daemon.client, "held/m", { name: "lost" });
    const other = await connectRunner(daemon.client, { name: "other" });

    clock.step(LONG_MS);
    await other.beat();
    const taken = leaseOf(await other.next("assignment"));
    line.send({ case: "heartbeat", value: { running: [lease] } });
    const revoked = await line.next("revoke");
    line.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "late" } } });
    await line.next("acknowledged");
    other.send({ case: "attemptFinished", value: { lease: taken, outcome: { case: "output", value: "in time" } } });

    expect(taken).toMatchObject({ executionId: id, epoch: lease.epoch + 1n });
    expect(revoked.lease).toEqual(lease);
    expect((await untilEnd(daemon.client, id)).status?.output).toBe("in time");
    const granted = valuesOf(await eventsOf(daemon.client, id), "leaseGranted");
    expect(granted.map(({ runner }) => runner)).toEqual(["lost", "other"]);
  });

  it("is kept by heartbeats, longer than it would last", async () => {
    const { id, lease, line } = await drive(daemon.client, "held/m", { name: "beating", slots: 1 });
    const silent = await connectRunner(daemon.client, { name: "silent", slots: 1 });
    const expiring = await execute(daemon.client);
    await silent.next("assignment");
    const next = await connectRunner(daemon.client, { name: "next", slots: 1 });

    for (let count = 0; count < 3; count++) {
      clock.step(SHORT_MS);
      await line.beat([lease]);
      await next.beat();
    }
    const taken = leaseOf(await next.next("assignment"));

    expect(taken).toMatchObject({ executionId: idOf(expiring), epoch: 2n });
    expect(valuesOf(await eventsOf(daemon.client, id), "leaseGranted")).toHaveLength(1);
  });

  it("that ran out is given to its runner again once that has said something", async () => {
    const { id, lease, line } = await drive(daemon.client, "held/m");

    clock.step(LONG_MS);
    while (line.heard.filter(({ case: kind }) => kind === "assignment").length < 2) await line.beat();
    const again = leaseOf(await line.next("assignment"));

    expect(again).toEqual({ ...lease, epoch: lease.epoch + 1n });
    expect(valuesOf(await eventsOf(daemon.client, id), "leaseGranted")).toHaveLength(2);
  });

  it.each([3_600_000, -3_600_000])("does not care that the clock is set by %s ms", async (by) => {
    let offset = 0;
    const jumping = { now: () => Date.now() + offset, monotonic: () => performance.now() };
    await using other = await startTestDaemon({ clock: jumping });
    await createAgent(other.client, { model: other.script([]) });
    const { lease, line } = await drive(other.client, "", { slots: 1 });
    const waiting = await execute(other.client);

    offset = by;
    const free = await connectRunner(other.client, { name: "free" });
    const handed = leaseOf(await free.next("assignment"));
    line.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "kept" } } });
    const { status } = await untilEnd(other.client, lease.executionId);

    expect(handed.executionId).toBe(idOf(waiting));
    expect(status?.output).toBe("kept");
    expect(other.log.filter(({ msg }) => msg === "lease expired")).toEqual([]);
  });

  it("is taken back by a hello of the same process that names it", async () => {
    const { id, lease, line } = await drive(daemon.client, "held/m");
    await line.hangUp();

    const back = await connectRunner(daemon.client, { instance: line.instance, running: [lease] });
    back.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "still mine" } } });

    expect(back.welcome.kept).toEqual([lease]);
    expect((await untilEnd(daemon.client, id)).status?.output).toBe("still mine");
  });

  it.each([
    ["another process", (own: string) => ({ instance: `${own.slice(1)}x`, epoch: 1n })],
    ["another epoch", (own: string) => ({ instance: own, epoch: 2n })],
    ["an epoch that a double can't hold", (own: string) => ({ instance: own, epoch: 2n ** 62n + 1n })],
  ])("is not taken back by a hello of %s", async (_, claim) => {
    const { id, line } = await drive(daemon.client, "held/m");
    const { instance, epoch } = claim(line.instance);

    const back = await connectRunner(daemon.client, { instance, running: [{ executionId: id, epoch }] });

    expect(back.welcome.kept).toEqual([]);
  });

  it("ends at once where its runner comes back without it", async () => {
    await using patient = await startTestDaemon();
    await createAgent(patient.client, { model: patient.script([{ text: "hi" }]) });
    const { id, lease, line } = await drive(patient.client, "");

    const back = await connectRunner(patient.client, { instance: line.instance });
    const again = leaseOf(await back.next("assignment"));

    expect(again).toMatchObject({ executionId: id, epoch: lease.epoch + 1n });
  });

  it("outlives a restart of the daemon", async () => {
    await using patient = await startTestDaemon();
    await createAgent(patient.client, { model: patient.script([{ text: "hi" }]) });
    const { id, lease, line } = await drive(patient.client, "");

    await Promise.all([line.hangUp(), patient.stop()]);
    await patient.start();
    const back = await connectRunner(patient.client, { instance: line.instance, running: [lease] });
    back.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "kept" } } });

    expect(back.welcome.kept).toEqual([lease]);
    expect((await untilEnd(patient.client, id)).status?.output).toBe("kept");
  });
});

describe("the end of an attempt", () => {
  it("is acknowledged however often it is said, and counts once", async () => {
    const { id, lease, line } = await drive(daemon.client, "held/m");
    const said = {
      case: "attemptFinished" as const,
      value: { lease, outcome: { case: "output" as const, value: "a" } },
    };

    for (let count = 0; count < 3; count++) line.send(said);
    for (let count = 0; count < 3; count++) await line.next("acknowledged");

    const phases = valuesOf(await eventsOf(daemon.client, id), "phaseChanged");
    expect(phases).toHaveLength(3);
    expect((await untilEnd(daemon.client, id)).status?.output).toBe("a");
  });

  it("of an execution that there is none of is acknowledged", async () => {
    const line = await connectRunner(daemon.client);

    line.send({
      case: "attemptFinished",
      value: { lease: { executionId: "aex_none", epoch: 1n }, outcome: { case: "parked", value: true } },
    });

    expect((await line.next("acknowledged")).message).toMatchObject({ value: { executionId: "aex_none" } });
  });
});

describe("a runner", () => {
  it("never has more executions than slots", async () => {
    const line = await connectRunner(daemon.client, { slots: 2 });
    const ids: string[] = [];
    for (let count = 0; count < 4; count++) ids.push(idOf(await execute(daemon.client)));

    const first = [leaseOf(await line.next("assignment")), leaseOf(await line.next("assignment"))];
    line.send({ case: "heartbeat", value: { running: first } });
    for (const lease of first)
      line.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "" } } });
    const second = [leaseOf(await line.next("assignment")), leaseOf(await line.next("assignment"))];

    expect([...first, ...second].map(({ executionId }) => executionId)).toEqual(ids);
    const order = line.heard.map(({ case: kind }) => kind).filter((kind) => kind !== "welcome");
    expect(order.filter((kind) => kind !== "stopServer").slice(0, 3)).toEqual([
      ...["assignment", "assignment", "acknowledged"],
    ]);
  });

  it("that drives no agents is given none", async () => {
    const tools = await connectRunner(daemon.client, { name: "tools", roles: [RunnerRole.TOOLS] });
    const none = await connectRunner(daemon.client, { name: "none", slots: 0 });
    const agent = await connectRunner(daemon.client, { name: "agent" });

    await execute(daemon.client);
    await agent.next("assignment");

    expect([...tools.heard, ...none.heard].map(({ case: kind }) => kind)).toEqual(["welcome", "welcome"]);
  });

  it("has one connection; a newer one of its name ends the older", async () => {
    const older = await connectRunner(daemon.client, { name: "same" });

    const newer = await connectRunner(daemon.client, { name: "same", instance: "another-process" });
    await expect(older.next("assignment")).rejects.toMatchObject({ reason: "RUNNER_REPLACED" });
    await execute(daemon.client);
    await newer.next("assignment");

    const runner = await daemon.client.service(RunnerQueryController).getByReference({ name: "same" });
    expect(runner.status?.connected).toBe(true);
  });

  it("has a record that says what it is, and whether it is there", async () => {
    const line = await connectRunner(daemon.client, { name: "noted", build: "test/1", slots: 3 });
    const there = await daemon.client.service(RunnerQueryController).getByReference({ name: "noted" });
    const { resumeToken } = await daemon.client.service(RunnerQueryController).list({});
    await line.hangUp();
    const watch = daemon.client.service(RunnerQueryController).watch({ resumeToken });
    const { value } = await watch[Symbol.asyncIterator]().next();

    expect(there).toMatchObject({ spec: { slots: 3 }, status: { connected: true, build: "test/1" } });
    expect(value?.object?.status?.connected).toBe(false);
  });
});

it("hands out the others where one execution can't be", async () => {
  await daemon.stop();
  const store = await openLevelStore({ dir: join(daemon.home, "data"), clock: systemClock, log: silentLog });
  const task = { tenant: "local", queue: "agent", epoch: 0, holder: "", dueAt: 0, bytes: new Uint8Array() };
  await store.commit({ tasks: [{ ...task, id: "aex_without_a_journal" }] });
  await store.close();
  await daemon.start();

  const line = await connectRunner(daemon.client);
  const started = await execute(daemon.client);
  const lease = leaseOf(await line.next("assignment"));

  expect(lease.executionId).toBe(idOf(started));
  expect(daemon.log.find(({ execution }) => execution === "aex_without_a_journal")?.level).toBe(LEVEL.error);
});
