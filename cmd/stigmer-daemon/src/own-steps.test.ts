import {
  type AgentExecution,
  AgentExecutionCommandController,
  ExecutionQueryController,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import type { AgentContext, AgentLoop } from "@stigmer/sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import { eventsOf, kindsOf, untilEnd } from "./journal.fake.ts";
import { startKitRunner } from "./kit-runner.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf } from "./runner-line.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
beforeEach(async () => {
  daemon = await startTestDaemon();
  await createAgent(daemon.client, { model: daemon.script([]) });
});
afterEach(() => daemon[Symbol.asyncDispose]());

/** Runs a loop once, on a runner that goes away where the loop throws. */
async function run(agent: AgentLoop): Promise<AgentExecution> {
  await using _ = startKitRunner(daemon, { agent });
  return await untilEnd(daemon.client, idOf(await execute(daemon.client)));
}

it("records what a step came to, and answers with it", async () => {
  const ended = await run(async ({ run }) => String(await run("add", () => 1 + 2)));

  expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "3" });
  expect(kindsOf(await eventsOf(daemon.client, idOf(ended)))).toContain("ownStepStarted");
});

it("records only the outcome of a step that may be made again", async () => {
  const ended = await run(async ({ run }) => await run("read", () => "text", { repeatable: true }));

  const kinds = kindsOf(await eventsOf(daemon.client, idOf(ended)));
  expect(kinds.filter((kind) => kind?.startsWith("ownStep"))).toEqual(["ownStepFinished"]);
});

it("makes a step once, however often its key is asked for", async () => {
  let made = 0;
  const twice = async ({ run }: AgentContext): Promise<string> => {
    const make = (): number => ++made;
    return `${await run("count", make, { repeatable: true })} ${await run("count", make, { repeatable: true })}`;
  };

  expect((await run(twice)).status?.output).toBe("1 1");
  expect(made).toBe(1);
});

it("throws what a step failed with each time, and makes it anew after a retry", async () => {
  let isBroken = true;
  const agent: AgentLoop = async ({ run }) =>
    await run("fetch", () => {
      if (isBroken) throw new Error("no network");
      return "fetched";
    });
  const failed = await run(agent);
  isBroken = false;
  const commands = daemon.client.service(AgentExecutionCommandController);

  await using _ = startKitRunner(daemon, { agent, name: "second" });
  await commands.retry({ id: idOf(failed) });

  expect(failed.status).toMatchObject({ phase: Phase.FAILED, error: { message: "no network" } });
  expect((await untilEnd(daemon.client, idOf(failed), 2)).status).toMatchObject({ output: "fetched" });
});

it("leaves a step uncertain whose outcome was lost, and makes it again only after a retry", async () => {
  const { client } = daemon;
  const line = await connectRunner(client);
  const id = idOf(await execute(client));
  const lease = leaseOf(await line.next("assignment"));
  const step = { lease, stepKey: "pay", requestDigest: new Uint8Array(32) };
  line.send({ case: "stepBegan", value: { step } });
  expect((await line.next("stepAnswer")).answer).toEqual({ case: "make", value: true });

  line.send({ case: "stepBegan", value: { step } });
  expect((await line.next("stepAnswer")).answer).toEqual({ case: "uncertain", value: true });
  line.send({
    case: "attemptFinished",
    value: { lease, outcome: { case: "error", value: { reason: "STEP_UNCERTAIN" } } },
  });
  await untilEnd(client, id);
  await client.service(AgentExecutionCommandController).retry({ id });
  const again = leaseOf(await line.next("assignment"));
  line.send({ case: "stepBegan", value: { step: { ...step, lease: again } } });

  expect(again.epoch).toBeGreaterThan(lease.epoch);
  expect((await line.next("stepAnswer")).answer).toEqual({ case: "make", value: true });
});

it("keeps the first outcome of a step, and revokes whoever has no lease", async () => {
  const { client } = daemon;
  const line = await connectRunner(client);
  const id = idOf(await execute(client));
  const lease = leaseOf(await line.next("assignment"));
  const step = { lease, stepKey: "once", requestDigest: new Uint8Array(32) };
  for (const value of ["1", "2"]) line.send({ case: "stepEnded", value: { step, value } });
  const answers = [await line.next("stepAnswer"), await line.next("stepAnswer")];
  line.send({ case: "stepEnded", value: { step: { ...step, lease: { ...lease, epoch: 7n } }, value: "3" } });
  const revoked = await line.next("revoke");
  line.send({ case: "stepEnded", value: { step: { ...step, requestDigest: new Uint8Array(32).fill(1) }, value: "4" } });

  expect(answers.map(({ answer }) => answer)).toMatchObject(
    [0, 0].map(() => ({ case: "outcome", value: { value: "1" } })),
  );
  expect(revoked.lease?.epoch).toBe(7n);
  expect((await line.next("stepAnswer")).answer).toMatchObject({ case: "refused", value: { reason: "STEP_DIVERGED" } });
  expect(await client.service(ExecutionQueryController).verify({ executionId: id })).toMatchObject({ valid: true });
});

it("leaves a step uncertain that ran while its execution was paused", async () => {
  const { client } = daemon;
  const line = await connectRunner(client);
  const id = idOf(await execute(client));
  const lease = leaseOf(await line.next("assignment"));
  const step = { lease, stepKey: "pay", requestDigest: new Uint8Array(32) };
  line.send({ case: "stepBegan", value: { step } });
  await line.next("stepAnswer");
  await client.service(AgentExecutionCommandController).pause({ id });
  await line.next("revoke");

  line.send({ case: "stepEnded", value: { step, value: "1" } });
  await line.next("revoke");
  await client.service(AgentExecutionCommandController).resume({ id });
  const again = leaseOf(await line.next("assignment"));
  line.send({ case: "stepBegan", value: { step: { ...step, lease: again } } });

  expect((await line.next("stepAnswer")).answer).toEqual({ case: "uncertain", value: true });
});
