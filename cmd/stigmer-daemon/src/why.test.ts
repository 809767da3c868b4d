import {
  WaitingCause as Cause,
  ExecutionPhase as Phase,
  RunnerCommandController,
  RunnerQueryController,
} from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, expect, it } from "vitest";
import { tell, why } from "./commands.fake.ts";
import { callTool } from "./driven.fake.ts";
import { untilEnd } from "./journal.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { type Tended, tend } from "./tended.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;

beforeEach(async () => {
  daemon = await startTestDaemon();
  const model = daemon.script([]);
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { name: "labelled", model, spec: { runnerSelector: { gpu: "yes", zone: "eu" } } });
  await createAgent(daemon.client, { name: "worker", model });
  const approvals = { timeout: { seconds: 60n } };
  const spec = { askUser: true, subAgents: [{ agent: "worker" }], approvals };
  await createAgent(daemon.client, { model, servers: ["files"], spec });
});
afterEach(() => daemon[Symbol.asyncDispose]());

async function start(spec: Parameters<typeof execute>[1] = {}): Promise<string> {
  return idOf(await execute(daemon.client, spec));
}

/** An execution that waits after this call. */
async function waiting(runner: Tended, call: Parameters<typeof callTool>[2]) {
  const id = await start();
  const lease = await runner.lease(id);
  await runner.list(lease);
  await callTool(daemon.client, lease, call);
  return id;
}

/** Everything that it waits for; each says since when, who can act, and what to do. */
async function causes(id: string) {
  const { phase, waiting: found } = await why(daemon.client, id);
  for (const { since, who, message } of found) {
    expect(since).toBeDefined();
    expect([who, message]).not.toContain("");
  }
  return { phase, causes: found.map(({ cause }) => cause), found };
}

it("says of one that is pending that no runner is connected, which labels it needs, or that all are busy", async () => {
  const alone = await start();
  const none = await causes(alone);
  const labelled = await causes(await start({ agent: "labelled" }));
  const runner = await tend(daemon.client, { slots: 1 });
  await runner.lease(alone);
  const busy = await causes(await start());

  for (const { phase, causes } of [none, labelled, busy])
    expect([phase, causes]).toEqual([Phase.PENDING, [Cause.RUNNER]]);
  expect(none.found[0]?.message).toContain("no runner is connected");
  expect(labelled.found[0]?.message).toContain("gpu=yes,zone=eu");
  expect(busy.found[0]?.message).toContain("hands full");
});

it("says of one that is pending which execution of its session goes first", async () => {
  const first = await execute(daemon.client);
  const sessionId = first.status?.sessionId ?? "";
  const second = await start({ sessionId });
  const third = await start({ sessionId });

  const told = await causes(third);

  expect(told).toMatchObject({ phase: Phase.PENDING, causes: [Cause.SESSION], found: [{ object: second }] });
});

it("says of one that runs which runner drives it, and until when where that is not connected", async () => {
  const runner = await tend(daemon.client);
  const id = await start();
  await runner.lease(id);

  const there = await causes(id);
  await runner.line.hangUp();
  const gone = await causes(id);

  expect(there).toMatchObject({ phase: Phase.RUNNING, causes: [Cause.WORKING], found: [{ object: "tended" }] });
  expect(there.found[0]?.until).toBeUndefined();
  expect(gone).toMatchObject({ causes: [Cause.WORKING], found: [{ until: expect.anything() }] });
});

it("says of one that waits for a person which approval, and until when", async () => {
  const runner = await tend(daemon.client);
  const id = await waiting(runner, { name: "files__act" });

  const told = await causes(id);

  expect(told).toMatchObject({ phase: Phase.WAITING_FOR_APPROVAL, causes: [Cause.APPROVAL] });
  expect(told.found[0]).toMatchObject({ object: expect.stringMatching(/^apr_/), until: expect.anything() });
});

it("says of one that waits for an answer what it asks", async () => {
  const runner = await tend(daemon.client);
  const id = await waiting(runner, { name: "ask_user", arguments: '{"question":"which colour?"}' });

  const told = await causes(id);

  expect(told).toMatchObject({ phase: Phase.WAITING_FOR_INPUT, causes: [Cause.INPUT] });
  expect(told.found[0]?.message).toContain("which colour?");
});

it("says of one with a sub-agent which one works for it", async () => {
  const runner = await tend(daemon.client);
  const id = await waiting(runner, { name: "agent__worker", arguments: '{"message":"do it"}' });

  const told = await causes(id);
  const child = told.found[0]?.object ?? "";

  expect(told).toMatchObject({ phase: Phase.RUNNING, causes: [Cause.SUB_AGENT] });
  expect((await runner.lease(child)).executionId).toBe(child);
});

it("says of one that is paused that it is, and what else it waits for", async () => {
  const runner = await tend(daemon.client);
  const id = await waiting(runner, { name: "files__act" });
  const alone = await start();

  await tell(daemon.client, "pause", id);
  await tell(daemon.client, "pause", alone);

  expect(await causes(id)).toMatchObject({ phase: Phase.PAUSED, causes: [Cause.PAUSED, Cause.APPROVAL] });
  expect((await causes(alone)).causes).toEqual([Cause.PAUSED]);
});

it("says of one that is being cancelled until when", async () => {
  const runner = await tend(daemon.client);
  const id = await start();
  await runner.begin(id);

  await tell(daemon.client, "cancel", id);

  const told = await causes(id);
  expect(told.causes).toEqual([Cause.CANCELLING]);
  expect(told.found[0]?.until).toBeDefined();
});

it("says nothing of one that has ended, and refuses one that there is none of", async () => {
  const id = await start();
  await tell(daemon.client, "cancel", id);

  expect(await causes(id)).toMatchObject({ phase: Phase.CANCELLED, causes: [] });
  expect((await refused(why(daemon.client, "aex_0"))).reason).toBe("RESOURCE_NOT_FOUND");
});

it("says of one that could only be driven by a runner that drains that none is connected", async () => {
  const runner = await tend(daemon.client);
  const record = await daemon.client.service(RunnerQueryController).getByReference({ name: "tended" });
  await daemon.client.service(RunnerCommandController).drain({ id: idOf(record) });
  await runner.line.next("drain");

  expect((await causes(await start())).found[0]?.message).toContain("no runner is connected");
});

it("says nothing any more once the last call of a cancelled one has stopped", async () => {
  const runner = await tend(daemon.client);
  const id = await start();
  const { call } = await runner.begin(id);
  await tell(daemon.client, "cancel", id);

  runner.answer(call, "stopped");

  expect((await untilEnd(daemon.client, id)).status?.phase).toBe(Phase.CANCELLED);
  expect((await causes(id)).causes).toEqual([]);
});
