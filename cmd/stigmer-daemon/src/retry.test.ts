import { ExecutionPhase as Phase, SessionQueryController } from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { tell } from "./commands.fake.ts";
import { generate } from "./driven.fake.ts";
import { eventsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { type ModelServer, startModelServer } from "./model-server.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { type Tended, tend } from "./tended.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
let provider: ModelServer;
let runner: Tended;

beforeEach(async () => {
  provider = await startModelServer();
  daemon = await startTestDaemon();
  daemon.configure(provider.config);
  await createAgent(daemon.client, { model: "held/m" });
  runner = await tend(daemon.client);
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

/** One that has failed with its second model call. */
async function failed(sessionId = "") {
  const id = idOf(await execute(daemon.client, sessionId ? { sessionId } : {}));
  const lease = await runner.lease(id);
  const first = allOf(generate(daemon.client, lease, { stepKey: "one" }));
  (await provider.next()).finish();
  await first;
  const second = allOf(generate(daemon.client, lease, { stepKey: "two" }));
  (await provider.next()).fail(400);
  await second;
  runner.fail(lease);
  const { status } = await untilEnd(daemon.client, id);
  return { id, lease, sessionId: status?.sessionId ?? "" };
}

it("lets a failed execution go on: what succeeded stays, the call that failed is made again", async () => {
  const { id } = await failed();

  const retried = await tell(daemon.client, "retry", id, { comment: "the provider is back" });
  const lease = await runner.lease(id);
  await allOf(generate(daemon.client, lease, { stepKey: "one" }));
  const calls = provider.count;
  const again = allOf(generate(daemon.client, lease, { stepKey: "two" }));
  (await provider.next()).finish();
  const answer = (await again).at(-1)?.message;
  runner.finish(lease, "done");
  const ended = await untilPhase(daemon.client, id, Phase.SUCCEEDED);

  expect(retried.status).toMatchObject({ phase: Phase.PENDING, output: "" });
  expect([retried.status?.error, retried.status?.endTime]).toEqual([undefined, undefined]);
  expect(calls).toBe(2);
  expect(answer).toMatchObject({ case: "result", value: { servedModel: expect.any(String) } });
  expect(answer?.case === "result" && answer.value.error).toBeUndefined();
  const events = await eventsOf(daemon.client, id);
  expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "done" });
  expect(valuesOf(events, "retried")).toMatchObject([
    { by: "tester", comment: "the provider is back", steps: ["two"] },
  ]);
  expect(events.filter(({ event }) => event.case === "modelCallStarted").map((of) => [of.stepKey, of.attempt])).toEqual(
    [
      ["one", 1],
      ["two", 1],
      ["two", 2],
    ],
  );
});

it("gives the execution a higher epoch, so that nothing that an old attempt says counts", async () => {
  const { id, lease: old } = await failed();

  await tell(daemon.client, "retry", id);
  const lease = await runner.lease(id);
  runner.finish(old, "too late");
  await runner.line.beat([lease]);
  const generating = await refused(allOf(generate(daemon.client, old, { stepKey: "three" })));
  runner.finish(lease, "in time");

  expect(lease.epoch).toBe(old.epoch + 1n);
  expect(generating.reason).toBe("LEASE_FENCED");
  expect((await untilPhase(daemon.client, id, Phase.SUCCEEDED)).status?.output).toBe("in time");
  const late = (await eventsOf(daemon.client, id)).filter(({ event }) => event.case === "lateMessage");
  expect(late.map(({ epoch }) => epoch)).toEqual([old.epoch]);
});

it("can be told time and again", async () => {
  const { id } = await failed();

  for (let count = 0; count < 3; count++) {
    await tell(daemon.client, "retry", id);
    runner.fail(await runner.lease(id));
    await untilPhase(daemon.client, id, Phase.FAILED, count + 2);
  }

  expect((await tell(daemon.client, "retry", id)).status?.phase).toBe(Phase.PENDING);
});

it("is refused once a later execution of the session goes on from it", async () => {
  const { id, sessionId } = await failed();
  const later = idOf(await execute(daemon.client, { sessionId }));

  const fault = await refused(tell(daemon.client, "retry", id));

  expect(fault).toMatchObject({ kind: "precondition", reason: "EXECUTION_SUPERSEDED", facts: { execution: later } });
});

it("gives the execution its session back: others wait for it", async () => {
  const { id, sessionId } = await failed();

  await tell(daemon.client, "retry", id);
  const later = idOf(await execute(daemon.client, { sessionId }));
  const session = await daemon.client.service(SessionQueryController).get({ id: sessionId });
  runner.finish(await runner.lease(id), "");

  expect(session.status).toMatchObject({ activeExecutionId: id, queuedExecutionIds: [later] });
  expect((await runner.lease(later)).epoch).toBe(1n);
});
