import { AgentExecutionQueryController, type Lease, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { decide, tell } from "./commands.fake.ts";
import { callTool, generate } from "./driven.fake.ts";
import { adds, changesOnlyTask, createIntruder, endLease, type Intruder } from "./intruder.fake.ts";
import { eventsOf, eventsUntil, kindsOf, valuesOf } from "./journal.fake.ts";
import { type ModelServer, startModelServer } from "./model-server.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf } from "./runner-line.fake.ts";
import { type Tended, tend } from "./tended.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const ACT = { name: "files__act" };

let daemon: TestDaemon;
let provider: ModelServer;
let intruder: Intruder;
let runner: Tended;

beforeEach(async () => {
  provider = await startModelServer();
  intruder = createIntruder();
  daemon = await startTestDaemon({ openStore: intruder.openStore, drainMs: 0 });
  daemon.configure(provider.config);
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { model: "held/m", servers: ["files"] });
  runner = await tend(daemon.client);
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

async function begin(): Promise<{ readonly id: string; readonly lease: Lease }> {
  const id = idOf(await execute(daemon.client));
  return { id, lease: await runner.lease(id) };
}

async function phaseOf(id: string): Promise<Phase | undefined> {
  return (await daemon.client.service(AgentExecutionQueryController).get({ id })).status?.phase;
}

const ownStep = (lease: Lease) => ({ lease, stepKey: "own", requestDigest: new Uint8Array(32) });

describe("a lease that ends while its runner's word is being stored", () => {
  it("begins no step: no model is asked", async () => {
    const { id, lease } = await begin();
    intruder.beforeCommit(adds("modelCallStarted"), endLease(id));

    const fault = await refused(allOf(generate(daemon.client, lease)));

    expect(fault.reason).toBe("LEASE_FENCED");
    expect(provider.count).toBe(0);
  });

  it("settles no step", async () => {
    const { id, lease } = await begin();
    await runner.list(lease);
    intruder.beforeCommit(adds("toolCallFinished"), endLease(id));

    const fault = await refused(callTool(daemon.client, lease, { name: "none" }));

    expect(fault.reason).toBe("LEASE_FENCED");
  });

  it("parks nothing: whoever has it next is asked", async () => {
    const { id, lease } = await begin();
    await runner.list(lease);
    intruder.beforeCommit(adds("approvalRequested"), endLease(id));

    const fault = await refused(callTool(daemon.client, lease, ACT));

    expect(fault.reason).toBe("LEASE_FENCED");
    expect(await phaseOf(id)).toBe(Phase.RUNNING);
  });

  it("records no tools", async () => {
    const { id, lease } = await begin();
    intruder.beforeCommit(adds("toolsListed"), endLease(id));

    const fault = await refused(runner.list(lease));

    expect(fault.reason).toBe("LEASE_FENCED");
  });

  it("begins no step of the runner's own", async () => {
    const { id, lease } = await begin();
    intruder.beforeCommit(adds("ownStepStarted"), endLease(id));

    runner.line.send({ case: "stepBegan", value: { step: ownStep(lease) } });
    await runner.line.next("revoke");

    expect(kindsOf(await eventsOf(daemon.client, id))).not.toContain("ownStepStarted");
  });

  it("ends no execution: what it came to is evidence", async () => {
    const { id, lease } = await begin();
    intruder.beforeCommit(adds("phaseChanged", id), endLease(id));

    runner.finish(lease, "late");
    await runner.line.next("acknowledged");

    expect(await phaseOf(id)).toBe(Phase.RUNNING);
    expect(kindsOf(await eventsOf(daemon.client, id))).toContain("lateMessage");
  });

  it("is not renewed: it is somebody else's by then", async () => {
    const { id, lease } = await begin();
    intruder.beforeCommit(changesOnlyTask(id), async (store) => {
      const task = await intruder.task(id);
      if (task) await store.commit({ tasks: [{ ...task, holder: "another", epoch: task.epoch + 1 }] });
    });

    runner.line.send({ case: "heartbeat", value: { running: [lease] } });
    const revoked = await runner.line.next("revoke");

    expect(revoked.lease).toEqual(lease);
    expect(await intruder.task(id)).toMatchObject({ holder: "another", epoch: 2 });
  });
});

describe("work that is being handed out", () => {
  it("goes to one runner, whoever else it is handed to at that moment", async () => {
    const other = "another";
    intruder.beforeCommit(adds("leaseGranted"), async (store) => {
      const [task] = await store.due("agent", { until: Date.now() + 1_000, limit: 1, held: false });
      if (task) await store.commit({ tasks: [{ ...task, holder: other, epoch: task.epoch + 1 }] });
    });

    const id = idOf(await execute(daemon.client));
    const next = idOf(await execute(daemon.client));
    await runner.lease(next);

    expect(await intruder.task(id)).toMatchObject({ holder: other, epoch: 1 });
    expect(kindsOf(await eventsOf(daemon.client, id))).not.toContain("leaseGranted");
  });

  it("stays where it is when it is paused at that moment", async () => {
    await runner.line.hangUp();
    const line = await connectRunner(daemon.client, { name: "single", slots: 1 });
    intruder.beforeCommit(adds("leaseGranted"), async (store) => {
      const [task] = await store.due("agent", { until: Date.now() + 1_000, limit: 1, held: false });
      await tell(daemon.client, "pause", task?.id ?? "");
    });

    const id = idOf(await execute(daemon.client));
    const next = idOf(await execute(daemon.client));
    const lease = leaseOf(await line.next("assignment"));

    expect(lease.executionId).toBe(next);
    expect(await phaseOf(id)).toBe(Phase.PAUSED);
  });
});

describe("a runner that speaks of what is another's", () => {
  it("ends no attempt", async () => {
    const { id, lease } = await begin();
    const stranger = await connectRunner(daemon.client, { name: "stranger" });

    stranger.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "forged" } } });
    await stranger.next("acknowledged");

    expect(await phaseOf(id)).toBe(Phase.RUNNING);
  });

  it("gives back no lease", async () => {
    const { id, lease } = await begin();
    const stranger = await connectRunner(daemon.client, { name: "stranger", slots: 0 });

    stranger.send({ case: "declined", value: { lease } });
    await stranger.beat();

    expect(await intruder.task(id)).toMatchObject({ holder: runner.line.instance, epoch: 1 });
  });

  it("begins no step of its own", async () => {
    const { id, lease } = await begin();
    const stranger = await connectRunner(daemon.client, { name: "stranger", slots: 0 });

    stranger.send({ case: "stepBegan", value: { step: ownStep(lease) } });
    await stranger.beat();

    expect(stranger.heard.map((said) => said.case)).not.toContain("stepAnswer");
    expect(kindsOf(await eventsOf(daemon.client, id))).not.toContain("ownStepStarted");
  });

  it("records no step", async () => {
    const { id, lease } = await begin();
    const stranger = await connectRunner(daemon.client, { name: "stranger", slots: 0 });

    stranger.send({ case: "stepEnded", value: { step: ownStep(lease), value: "forged" } });
    await stranger.next("revoke");

    expect(kindsOf(await eventsOf(daemon.client, id))).not.toContain("ownStepFinished");
  });

  it("says nothing of a step whose lease was given back", async () => {
    const { id, lease } = await begin();
    await tell(daemon.client, "pause", id);
    const stranger = await connectRunner(daemon.client, { name: "stranger", slots: 0 });

    stranger.send({ case: "stepEnded", value: { step: ownStep(lease), value: "forged" } });
    await stranger.next("revoke");

    expect(kindsOf(await eventsOf(daemon.client, id))).not.toContain("ownStepFinished");
  });
});

describe("a step", () => {
  it("that ends as its execution does has no outcome", async () => {
    const { id, lease } = await begin();
    const told = allOf(generate(daemon.client, lease)).catch(() => "cut");
    const call = await provider.next();
    intruder.beforeCommit(adds("modelCallFinished"), () => tell(daemon.client, "terminate", id));

    call.finish();
    await told;

    const events = await eventsOf(daemon.client, id);
    expect(events.at(-1)?.event).toMatchObject({ case: "phaseChanged", value: { phase: Phase.TERMINATED } });
  });

  it("has one outcome, though its runner says another of its own", async () => {
    const { id, told, first } = await calling();
    const begun = await eventsUntil(daemon.client, id, ({ event }) => event.case === "toolCallStarted");
    const [started] = valuesOf(begun, "toolCallStarted");
    const requestDigest = started?.requestDigest ?? new Uint8Array();
    const step = { lease: first.lease, stepKey: "tool", requestDigest };

    runner.line.send({ case: "stepEnded", value: { step, value: "said" } });
    const { answer } = await runner.line.next("stepAnswer");
    runner.answer(first.call, "done");
    await told;

    const kinds = kindsOf(await eventsOf(daemon.client, id));
    expect(kinds.filter((kind) => kind === "ownStepFinished" || kind === "toolCallFinished")).toHaveLength(1);
    expect(answer).toMatchObject({ case: "refused", value: { reason: "STEP_DIVERGED" } });
  });

  it("is handed to a runner only once its intent is stored", async () => {
    const { lease } = await begin();
    await runner.list(lease);
    const parked = await callTool(daemon.client, lease, ACT);
    await decide(daemon.client, parked.case === "parked" ? parked.value.approvalId : "");
    const next = await runner.lease(lease.executionId);
    const heard = Promise.withResolvers<unknown[]>();
    intruder.beforeCommit(adds("toolCallStarted"), async () => {
      await runner.line.beat();
      heard.resolve(runner.line.heard.filter(({ case: kind }) => kind === "callTool"));
    });

    const told = callTool(daemon.client, next, ACT);
    const before = await heard.promise;
    runner.answer(await runner.call(), "done");
    await told;

    expect(before).toEqual([]);
  });

  it("has its end acknowledged to the runner only once it is stored", async () => {
    const { told, first } = await calling();
    let heard: unknown[] | undefined;
    intruder.beforeCommit(adds("toolCallFinished"), async () => {
      await runner.line.beat();
      heard = runner.line.heard.filter((said) => said.case === "acknowledged" && said.value.message.case === "call");
    });

    runner.answer(first.call, "done");
    await told;

    expect(heard).toEqual([]);
  });
});

/** A call that a person has approved, and that runs. */
async function calling() {
  const id = idOf(await execute(daemon.client));
  const first = await runner.begin(id);
  return { id, told: first.told, first };
}
