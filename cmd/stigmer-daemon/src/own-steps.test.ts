import { createHash } from "node:crypto";
import {
  type AgentExecution,
  AgentExecutionCommandController,
  ApprovalCause,
  ApprovalDecision,
  ApprovalQueryController,
  ApprovalScope,
  ExecutionQueryController,
  ExecutionPhase as Phase,
  WaitingCause,
} from "@stigmer/contracts/agentic";
import type { AgentContext, AgentLoop } from "@stigmer/sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import { decide, why } from "./commands.fake.ts";
import { eventsOf, kindsOf, untilEnd, untilPhase } from "./journal.fake.ts";
import { startKitRunner } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
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

/** A runner has begun a step and asks about it anew: its outcome was lost. */
async function lostStep() {
  const line = await connectRunner(daemon.client);
  const id = idOf(await execute(daemon.client));
  const lease = leaseOf(await line.next("assignment"));
  const step = { lease, stepKey: "pay", requestDigest: new Uint8Array(32) };
  line.send({ case: "stepBegan", value: { step } });
  const first = (await line.next("stepAnswer")).answer;
  line.send({ case: "stepBegan", value: { step } });
  const { answer } = await line.next("stepAnswer");
  if (answer.case !== "parked") throw new Error(`not parked: ${answer.case}`);
  return { line, id, lease, step, first, approvalId: answer.value.approvalId };
}

it("asks a person about a step whose outcome was lost, and makes it again where that is approved", async () => {
  const { line, id, lease, step, first, approvalId } = await lostStep();
  const asked = await daemon.client.service(ApprovalQueryController).get({ id: approvalId });
  const waiting = await why(daemon.client, id);
  await decide(daemon.client, approvalId);
  const again = leaseOf(await line.next("assignment"));
  line.send({ case: "stepBegan", value: { step: { ...step, lease: again } } });

  expect(first).toEqual({ case: "make", value: true });
  expect(asked.spec).toMatchObject({ executionId: id, stepKey: "pay", cause: ApprovalCause.UNCERTAIN, tool: "" });
  expect(waiting).toMatchObject({ phase: Phase.WAITING_FOR_APPROVAL, waiting: [{ cause: WaitingCause.APPROVAL }] });
  expect(again.epoch).toBeGreaterThan(lease.epoch);
  expect((await line.next("stepAnswer")).answer).toEqual({ case: "make", value: true });
});

it("fails a step that a person does not let be made again, until a retry", async () => {
  const { line, id, step, approvalId } = await lostStep();
  await decide(daemon.client, approvalId, { decision: ApprovalDecision.REJECTED, comment: "it was paid" });
  const again = leaseOf(await line.next("assignment"));
  line.send({ case: "stepBegan", value: { step: { ...step, lease: again } } });
  const refused = (await line.next("stepAnswer")).answer;
  const error = { reason: "STEP_UNCERTAIN", message: "not made" };
  line.send({ case: "attemptFinished", value: { lease: again, outcome: { case: "error", value: error } } });
  await untilEnd(daemon.client, id);
  await daemon.client.service(AgentExecutionCommandController).retry({ id });
  const retried = leaseOf(await line.next("assignment"));
  line.send({ case: "stepBegan", value: { step: { ...step, lease: retried } } });

  expect(refused).toMatchObject({ case: "outcome", value: { error: { reason: "STEP_UNCERTAIN" } } });
  expect(JSON.stringify(refused.value)).toContain("it was paid");
  expect((await line.next("stepAnswer")).answer).toEqual({ case: "make", value: true });
});

it("takes no arguments and no wider scope for a step of a runner's own", async () => {
  const { approvalId } = await lostStep();

  expect(await refused(decide(daemon.client, approvalId, { arguments: "{}" }))).toMatchObject({ kind: "invalid" });
  expect(await refused(decide(daemon.client, approvalId, { scope: ApprovalScope.TOOL }))).toMatchObject({
    kind: "invalid",
  });
});

it("lets a loop wait for the person, and go on with what the step then comes to", async () => {
  const { client } = daemon;
  const lost = await connectRunner(client);
  const id = idOf(await execute(client));
  const lease = leaseOf(await lost.next("assignment"));
  // As the SDK digests a step without a request.
  const requestDigest = new Uint8Array(createHash("sha256").update("null").digest());
  lost.send({ case: "stepBegan", value: { step: { lease, stepKey: "pay", requestDigest } } });
  await lost.next("stepAnswer");
  await using _ = startKitRunner(daemon, {
    agent: async ({ run }) => String(await run("pay", () => "paid")),
    name: "kit",
  });
  lost.send({ case: "declined", value: { lease } });

  const { status } = await untilPhase(client, id, Phase.WAITING_FOR_APPROVAL);
  await decide(client, status?.approvalId ?? "");

  expect((await untilEnd(client, id)).status).toMatchObject({ phase: Phase.SUCCEEDED, output: "paid" });
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

it("records what a step came to that ended while its execution was paused", async () => {
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
  const recorded = (await line.next("stepAnswer")).answer;
  await client.service(AgentExecutionCommandController).resume({ id });
  const again = leaseOf(await line.next("assignment"));
  line.send({ case: "stepBegan", value: { step: { ...step, lease: again } } });

  expect(recorded).toMatchObject({ case: "outcome", value: { value: "1" } });
  expect((await line.next("stepAnswer")).answer).toMatchObject({ case: "outcome", value: { value: "1" } });
});

it("makes a step once although its execution is paused and resumed meanwhile", async () => {
  const { client } = daemon;
  const begun = Promise.withResolvers<void>();
  const done = Promise.withResolvers<string>();
  let made = 0;
  const pay = async (): Promise<string> => {
    made += 1;
    begun.resolve();
    return await done.promise;
  };
  await using _ = startKitRunner(daemon, { agent: async ({ run }) => String(await run("pay", pay)) });
  const id = idOf(await execute(client));
  await begun.promise;

  await client.service(AgentExecutionCommandController).pause({ id });
  await client.service(AgentExecutionCommandController).resume({ id });
  done.resolve("paid");

  expect((await untilEnd(client, id)).status).toMatchObject({ phase: Phase.SUCCEEDED, output: "paid" });
  expect(made).toBe(1);
});

it("takes the end of a step from nobody but the last runner that drove its execution", async () => {
  const { client } = daemon;
  const first = await connectRunner(client);
  const id = idOf(await execute(client));
  const lease = leaseOf(await first.next("assignment"));
  const step = { lease, stepKey: "pay", requestDigest: new Uint8Array(32) };
  first.send({ case: "stepBegan", value: { step } });
  await first.next("stepAnswer");
  first.send({ case: "draining", value: {} });
  first.send({ case: "declined", value: { lease } });
  const second = await connectRunner(client, { name: "second" });
  await second.next("assignment");

  first.send({ case: "stepEnded", value: { step, value: "1" } });

  expect((await first.next("revoke")).lease?.executionId).toBe(id);
});
