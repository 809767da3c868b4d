import {
  type AgentExecution,
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, expect, it } from "vitest";
import { decide, tell } from "./commands.fake.ts";
import { callTool } from "./driven.fake.ts";
import { eventsOf, kindsOf, untilEnd, untilPhase } from "./journal.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { tend } from "./tended.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const MINUTE_MS = 60_000;

let clock: SteppedClock;
let daemon: TestDaemon;

beforeEach(async () => {
  clock = createSteppedClock();
  daemon = await startTestDaemon({ clock, leaseDurationMs: 1_000 * MINUTE_MS });
  await createServer(daemon.client, "files");
  await agent("helper");
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await daemon[Symbol.asyncDispose]();
});

async function agent(name: string, subAgents: readonly string[] = []): Promise<void> {
  const limits = { maxDuration: { seconds: 120n } };
  const spec = { limits, subAgents: subAgents.map((one) => ({ agent: one })) };
  await createAgent(daemon.client, { name, model: daemon.script([{ text: "hi" }]), servers: ["files"], spec });
}

async function get(id: string): Promise<AgentExecution> {
  return await daemon.client.service(AgentExecutionQueryController).get({ id });
}

it("fails an execution that has worked for as long as it may, and takes it from its runner", async () => {
  const runner = await tend(daemon.client);
  const id = idOf(await execute(daemon.client));
  const lease = await runner.lease(id);

  clock.step(2 * MINUTE_MS);
  const ended = await untilEnd(daemon.client, id);

  expect(ended.status).toMatchObject({
    phase: Phase.FAILED,
    error: { reason: "LIMIT_REACHED", message: "it has worked for 120 s, its limit" },
  });
  expect((await runner.line.next("revoke")).lease).toEqual(lease);
});

it("does not count the time in which it waits for a person", async () => {
  const runner = await tend(daemon.client);
  const id = idOf(await execute(daemon.client));
  const lease = await runner.lease(id);
  await runner.list(lease);
  const parked = await callTool(daemon.client, lease, { name: "files__act" });
  clock.step(MINUTE_MS);

  clock.step(50 * MINUTE_MS);
  await decide(daemon.client, parked.case === "parked" ? parked.value.approvalId : "", {});
  const next = await runner.lease(id);
  clock.step(MINUTE_MS);
  runner.finish(next, "done");

  expect((await untilEnd(daemon.client, id)).status).toMatchObject({ phase: Phase.SUCCEEDED });
});

it("adds up the times at work around a pause", async () => {
  const runner = await tend(daemon.client);
  const id = idOf(await execute(daemon.client));
  await runner.lease(id);
  clock.step(1.5 * MINUTE_MS);
  await tell(daemon.client, "pause", id);
  clock.step(50 * MINUTE_MS);
  expect((await get(id)).status?.phase).toBe(Phase.PAUSED);

  await tell(daemon.client, "resume", id);
  await runner.lease(id);
  clock.step(MINUTE_MS);

  expect((await untilEnd(daemon.client, id)).status).toMatchObject({ error: { reason: "LIMIT_REACHED" } });
});

it("keeps the deadline over a restart", async () => {
  const runner = await tend(daemon.client);
  const id = idOf(await execute(daemon.client));
  await runner.lease(id);
  await daemon.stop();
  clock.step(2 * MINUTE_MS);
  await daemon.start();

  expect((await untilEnd(daemon.client, id)).status).toMatchObject({ error: { reason: "LIMIT_REACHED" } });
});

it("counts the work of a sub-agent, and ends it too", async () => {
  await agent("top", ["helper"]);
  const runner = await tend(daemon.client);
  const id = idOf(await execute(daemon.client, { agent: "top" }));
  const lease = await runner.lease(id);
  await runner.list(lease);
  clock.step(MINUTE_MS);
  await callTool(daemon.client, lease, { name: "agent__helper", arguments: '{"message":"do it"}' });
  const { subExecutionId = "" } = (await get(id)).status ?? {};
  await runner.lease(subExecutionId);
  clock.step(MINUTE_MS);

  const ended = await untilEnd(daemon.client, id);
  const child = await untilEnd(daemon.client, subExecutionId);

  expect(ended.status).toMatchObject({ phase: Phase.FAILED, error: { reason: "LIMIT_REACHED" } });
  expect(child.status?.phase).toBe(Phase.CANCELLED);
});

it("leaves one alone that has ended in time", async () => {
  const runner = await tend(daemon.client);
  const id = idOf(await execute(daemon.client));
  runner.finish(await runner.lease(id), "done");
  await untilPhase(daemon.client, id, Phase.SUCCEEDED);

  clock.step(50 * MINUTE_MS);
  const other = idOf(await execute(daemon.client));
  await runner.lease(other);
  clock.step(2 * MINUTE_MS);
  await untilEnd(daemon.client, other); // by then every deadline was looked at

  expect(kindsOf(await eventsOf(daemon.client, id)).filter((kind) => kind === "phaseChanged")).toHaveLength(3);
});

it("gives a retried execution no more time than it had", async () => {
  const runner = await tend(daemon.client);
  const id = idOf(await execute(daemon.client));
  await runner.lease(id);
  clock.step(2 * MINUTE_MS);
  await untilEnd(daemon.client, id);

  await daemon.client.service(AgentExecutionCommandController).retry({ id });
  const again = await untilEnd(daemon.client, id, 2);

  expect(again.status).toMatchObject({ error: { reason: "LIMIT_REACHED" } });
});
