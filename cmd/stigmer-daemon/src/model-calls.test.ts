import { AgentExecutionQueryController } from "@stigmer/contracts/agentic";
import { type GenerateResponse, ModelController } from "@stigmer/contracts/gateway";
import { afterEach, beforeEach, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { generate } from "./driven.fake.ts";
import { eventsOf, eventsUntil, kindsOf, valuesOf } from "./journal.fake.ts";
import { startKitRunner } from "./kit-runner.fake.ts";
import { type ModelServer, startModelServer } from "./model-server.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf } from "./runner-line.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
let server: ModelServer;

beforeEach(async () => {
  daemon = await startTestDaemon();
  server = await startModelServer();
  daemon.configure(server.config);
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function lease() {
  const line = await connectRunner(daemon.client);
  const id = idOf(await execute(daemon.client));
  return { id, lease: leaseOf(await line.next("assignment")), line };
}

function resultOf(responses: readonly GenerateResponse[]) {
  const last = responses.at(-1)?.message;
  return last?.case === "result" ? last.value : undefined;
}

it("goes to a fallback when the model's provider stays away, voids what it said, and records who answered", async () => {
  const fallback = daemon.script([{ text: "from the fallback" }]);
  await createAgent(daemon.client, { model: "held/m", spec: { fallbackModels: [fallback] } });
  const driven = await lease();
  const answer = allOf(generate(daemon.client, driven.lease));
  const first = await server.next();
  first.say("half an ans");
  first.drop();
  for (let count = 2; count <= 4; count++) (await server.next()).fail(503);

  const responses = await answer;

  expect(resultOf(responses)).toMatchObject({ model: fallback, scripted: true, providerAttempts: 5 });
  expect(responses.some(({ message }) => message.case === "restarted")).toBe(true);
  const execution = await daemon.client.service(AgentExecutionQueryController).get({ id: driven.id });
  expect(execution.status?.modelUsage).toMatchObject([{ model: fallback, calls: 1n }]);
});

it("gives a sub-agent that names no model the model and the fallbacks of whoever asks", async () => {
  const fallback = daemon.script([{ text: "unused" }]);
  const asks = [{ toolCalls: [{ name: "agent__plain", arguments: { message: "do it" } }] }, { text: "done" }];
  const model = daemon.script(asks);
  await createAgent(daemon.client, { name: "plain" });
  const spec = { subAgents: [{ agent: "plain" }], fallbackModels: [fallback] };
  await createAgent(daemon.client, { model, spec });
  await using _ = startKitRunner(daemon);

  const id = idOf(await execute(daemon.client));
  const events = await eventsUntil(daemon.client, id, ({ event }) => event.case === "subAgentStarted");
  const [started] = valuesOf(events, "subAgentStarted");
  const [created] = valuesOf(await eventsOf(daemon.client, started?.executionId ?? ""), "created");

  expect([created?.model, created?.spec?.fallbackModels]).toEqual([model, [fallback]]);
});

it("refuses a step that is asked for again with another schema or another compaction", async () => {
  await createAgent(daemon.client, { model: daemon.script([{ text: "{}" }]) });
  const { lease: held } = await lease();
  const { executionId, epoch } = held;
  const messages = [{ role: 2, parts: [{ part: { case: "text" as const, value: "hi" } }] }];
  const asked = { executionId, epoch, stepKey: "model", messages, outputSchema: '{"type":"object"}' };
  const ask = (more: object) => allOf(daemon.client.service(ModelController).generate({ ...asked, ...more }));
  await ask({});

  const faults = [
    await refused(ask({ outputSchema: "" })),
    await refused(ask({ compaction: { replacedMessages: 1 } })),
  ];

  expect(resultOf(await ask({}))?.error).toBeUndefined();
  expect(faults.map(({ reason }) => reason)).toEqual(["STEP_DIVERGED", "STEP_DIVERGED"]);
});

it("records a compaction by the same commit as the summary, and none where the call failed", async () => {
  await createAgent(daemon.client, { model: daemon.script([{ error: { status: 400, message: "no" } }]) });
  const failed = await lease();
  const compaction = { replacedMessages: 7, keptMessages: 2, tokensBefore: 9_000n };
  const messages = [{ role: 2, parts: [{ part: { case: "text" as const, value: "hi" } }] }];
  const compact = ({ executionId, epoch }: { executionId: string; epoch: bigint }) =>
    allOf(daemon.client.service(ModelController).generate({ executionId, epoch, stepKey: "c", messages, compaction }));
  await compact(failed.lease);
  const id = idOf(await execute(daemon.client, { model: daemon.script([{ text: "summary" }]) }));
  await compact(leaseOf(await failed.line.next("assignment")));

  const [without, events] = [await eventsOf(daemon.client, failed.id), await eventsOf(daemon.client, id)];

  expect(kindsOf(without)).not.toContain("contextCompacted");
  expect(kindsOf(events).slice(-2)).toEqual(["modelCallFinished", "contextCompacted"]);
  expect(events.at(-1)).toMatchObject({ stepKey: "c", time: events.at(-2)?.time });
  expect(valuesOf(events, "contextCompacted")).toMatchObject([compaction]);
  expect(valuesOf(events, "modelCallStarted")).toMatchObject([{ compaction }]);
});
