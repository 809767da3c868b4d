import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  AgentCommandController,
  type AgentExecution,
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  type AgentExecutionSpecSchema,
  AgentQueryController,
  type ExecutionLimitsSchema,
  ExecutionPhase as Phase,
  Role,
  SessionCommandController,
} from "@stigmer/contracts/agentic";
import type { GenerateResponse } from "@stigmer/contracts/gateway";
import { textMessage } from "@stigmer/sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { generate } from "./driven.fake.ts";
import { eventsOf, eventsUntil, untilEnd, valuesOf } from "./journal.fake.ts";
import { type chatLoop, startKitRunner } from "./kit-runner.fake.ts";
import { startModelServer } from "./model-server.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf } from "./runner-line.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

type Limits = MessageInitShape<typeof ExecutionLimitsSchema>;

let daemon: TestDaemon;

beforeEach(async () => {
  daemon = await startTestDaemon({ drainMs: 0 });
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await daemon[Symbol.asyncDispose]();
});

async function start(spec: MessageInitShape<typeof AgentExecutionSpecSchema>): Promise<string> {
  const agent = spec.sessionId ? "" : "helper";
  const request = { metadata: {}, spec: { agent, message: "hello", ...spec } };
  return idOf(await daemon.client.service(AgentExecutionCommandController).create(request));
}

async function get(id: string): Promise<AgentExecution> {
  return await daemon.client.service(AgentExecutionQueryController).get({ id });
}

async function createdOf(id: string) {
  const [created] = valuesOf(await eventsOf(daemon.client, id), "created");
  return created;
}

it("pins the smallest of what backend, agent, session and execution say, bound by bound", async () => {
  daemon.configure("limits: { maxTokens: 900, maxToolRounds: 7, maxDuration: 50 }");
  const limits: Limits = { maxTokens: 800n, maxToolRounds: 9, maxDuration: { seconds: 60n } };
  await createAgent(daemon.client, { model: daemon.script([{ text: "hi" }]), spec: { limits } });
  const spec = { agent: "helper", limits: { maxTokens: 1_000n, maxToolRounds: 5, maxCostMicros: 40n } };
  const session = await daemon.client.service(SessionCommandController).create({ metadata: { name: "s" }, spec });
  const line = await connectRunner(daemon.client);

  const id = await start({ sessionId: idOf(session), limits: { maxCostMicros: 50n } });

  expect((await createdOf(id))?.limits).toMatchObject({
    ...{ maxTokens: 800n, maxCostMicros: 40n, maxToolRounds: 5, maxDuration: { seconds: 50n } },
  });
  expect((await get(id)).spec?.limits).toMatchObject({ maxCostMicros: 50n, maxTokens: 0n });
  expect(await line.next("assignment")).toMatchObject({ maxToolRounds: 5 });
});

it("takes the model from the session before the agent's, and the execution's before both", async () => {
  const [own, ofSession, ofAgent] = [1, 2, 3].map(() => daemon.script([{ text: "hi" }]));
  await createAgent(daemon.client, { model: ofAgent ?? "" });
  const session = await daemon.client
    .service(SessionCommandController)
    .create({ metadata: { name: "s" }, spec: { agent: "helper", model: ofSession ?? "" } });

  const ids = [
    await start({}),
    await start({ sessionId: idOf(session) }),
    await start({ sessionId: idOf(session), model: own ?? "" }),
  ];

  const models = await Promise.all(ids.map(async (id) => (await createdOf(id))?.model));
  expect(models).toEqual([ofAgent, ofSession, own]);
});

it("does not change the bounds of executions that were made already", async () => {
  const agent = await createAgent(daemon.client, {
    model: daemon.script([{ text: "hi" }]),
    spec: { limits: { maxTokens: 500n } },
  });
  const id = await start({});
  const current = await daemon.client.service(AgentQueryController).get({ id: idOf(agent) });
  if (current.spec?.limits) current.spec.limits.maxTokens = 100n;

  await daemon.client.service(AgentCommandController).update(current);

  expect((await createdOf(id))?.limits?.maxTokens).toBe(500n);
});

it("says how much the model takes, by the price table or the configuration", async () => {
  daemon.configure("providers: { mine: { baseUrl: 'http://127.0.0.1:9/v1', contextWindow: 4096 } }");
  await createAgent(daemon.client);
  const line = await connectRunner(daemon.client);

  const id = await start({ model: "mine/any" });

  expect((await createdOf(id))?.contextWindow).toBe(4_096n);
  expect(await line.next("assignment")).toMatchObject({ contextWindow: 4_096n });
});

it("fails an execution that has used its tokens up, says which limit and how much is left", async () => {
  const turns = ["one", "two", "three"].map((text) => ({ text: `${text} ${"word ".repeat(200)}` }));
  await createAgent(daemon.client, { model: daemon.script(turns) });
  await using _ = startKitRunner(daemon, { agent: talkative });

  const ended = await untilEnd(daemon.client, await start({ limits: { maxTokens: 1_600n } }));

  expect(ended.status).toMatchObject({ phase: Phase.FAILED, error: { reason: "LIMIT_REACHED" } });
  expect(ended.status?.error?.message).toMatch(/limit on tokens is reached: \d+ tokens are left/);
  const { inputTokens = 0n, outputTokens = 0n } = ended.status?.usage ?? {};
  expect(inputTokens + outputTokens).toBeGreaterThan(0n);
  expect(inputTokens + outputTokens).toBeLessThanOrEqual(1_600n);
});

it("knows after a restart what was used before", async () => {
  await createAgent(daemon.client, { model: daemon.script([{ text: "word ".repeat(900) }, { text: "more" }]) });
  const { id, lease } = await leased(await start({ limits: { maxTokens: 1_150n } }));
  await allOf(generate(daemon.client, lease, { stepKey: "first" }));
  await daemon.stop();
  await daemon.start();

  const again = await leased(id);
  const [last] = (await allOf(generate(daemon.client, again.lease, { stepKey: "second" }))).slice(-1);

  expect(resultOf(last)?.error).toMatchObject({ reason: "LIMIT_REACHED" });
});

it("loses nothing of a budget where the backend ends between setting it aside and the outcome", async () => {
  await using server = await startModelServer();
  daemon.configure(server.config);
  await createAgent(daemon.client, { model: "held/m" });
  const { id, lease } = await leased(await start({ limits: { maxTokens: 9_000n } }));
  const lost = allOf(generate(daemon.client, lease)).catch(() => undefined);
  await server.next(); // all that is left is set aside for this call
  await daemon.stop();
  await lost;
  await daemon.start();

  const again = await leased(id);
  const answer = allOf(generate(daemon.client, again.lease));
  const call = await server.next();
  call.say("done");
  call.finish();

  expect(resultOf((await answer).at(-1))?.error).toBeUndefined();
  expect(call.body).toMatchObject({ max_tokens: expect.toSatisfy((most: number) => most > 8_000) });
});

it("lets a call wait whose share is set aside for another, and makes it when that one has ended", async () => {
  await using server = await startModelServer();
  daemon.configure(server.config);
  await createAgent(daemon.client, { model: "held/m", spec: { modelOptions: { maxOutputTokens: 5_000n } } });
  const { lease } = await leased(await start({ limits: { maxTokens: 6_000n } }));
  const first = allOf(generate(daemon.client, lease, { stepKey: "first" }));
  const running = await server.next();
  const second = allOf(generate(daemon.client, lease, { stepKey: "second" }));
  await eventsUntilStarted(2, lease.executionId);

  expect(server.count).toBe(1);
  running.finish();
  await first;
  (await server.next()).finish();

  expect(resultOf((await second).at(-1))?.error).toBeUndefined();
});

it("counts what sub-agents use to all that they work for, while they run and afterwards", async () => {
  const asks = [{ toolCalls: [{ name: "agent__below", arguments: { message: "do it" } }] }, { text: "done" }];
  await createAgent(daemon.client, { name: "below", model: daemon.script([{ text: "w ".repeat(1_500) }]) });
  const spec = { subAgents: [{ agent: "below" }], limits: { maxTokens: 5_500n } };
  await createAgent(daemon.client, { model: daemon.script(asks), spec });
  await using _ = startKitRunner(daemon);

  const id = await start({});
  const ended = await untilEnd(daemon.client, id);

  const [below] = valuesOf(await eventsOf(daemon.client, id), "subAgentEnded");
  expect(ended.status?.error?.reason).toBe("LIMIT_REACHED");
  expect(below?.usage?.outputTokens).toBe(1_500n);
  expect(ended.status?.subAgentUsage).toEqual(below?.usage);
  expect(ended.status?.usage?.outputTokens).toBeLessThan(50n);
  expect((await createdOf(below?.executionId ?? ""))?.limits?.maxTokens).toBe(5_500n);
});

it("counts what its caller has used before to what a sub-agent may use", async () => {
  const delegates = {
    text: "word ".repeat(3_150),
    toolCalls: [{ name: "agent__below", arguments: { message: "do it" } }],
  };
  await createAgent(daemon.client, { name: "below", model: daemon.script([{ text: "short" }]) });
  const spec = { subAgents: [{ agent: "below" }], limits: { maxTokens: 3_400n } };
  await createAgent(daemon.client, { model: daemon.script([delegates, { text: "done" }]), spec });
  await using _ = startKitRunner(daemon);

  const id = await start({});
  await untilEnd(daemon.client, id);

  const [below] = valuesOf(await eventsOf(daemon.client, id), "subAgentEnded");
  const ended = await get(below?.executionId ?? "");
  expect(ended.status).toMatchObject({ phase: Phase.FAILED, error: { reason: "LIMIT_REACHED" } });
  expect(ended.status?.usage).toMatchObject({ inputTokens: 0n, outputTokens: 0n });
});

it("refuses at the start a model without a known price where cost is limited, and takes the configuration's price", async () => {
  await using server = await startModelServer();
  daemon.configure(server.config);
  await createAgent(daemon.client, { model: "held/m" });

  const fault = await refused(start({ limits: { maxCostMicros: 1_000_000n } }));
  daemon.configure(`${server.config}prices: { held/m: { inputMicros: 1000000, outputMicros: 2000000 } }\n`);
  const { lease } = await leased(await start({ limits: { maxCostMicros: 1_000_000n } }));
  const answer = allOf(generate(daemon.client, lease));
  (await server.next()).finish();

  expect(fault).toMatchObject({ kind: "precondition", reason: "MODEL_PRICE_UNKNOWN" });
  expect(resultOf((await answer).at(-1))).toMatchObject({ usage: { unpricedCalls: 0 } });
});

/** Asks again and again, without an end of its own. */
const talkative: typeof chatLoop = async (context) => {
  const messages = [textMessage(Role.USER, context.message)];
  for (let turn = 1; ; turn++) {
    const { message } = await context.generate(`turn/${turn}/model`, { messages, tools: [] });
    messages.push(message);
  }
};

/** A runner under the test's control, which takes the place of the one before. */
async function leased(id: string) {
  const line = await connectRunner(daemon.client, { name: "driven", instance: randomUUID() });
  const lease = leaseOf(await line.next("assignment"));
  return { id, lease, line };
}

function resultOf(response: GenerateResponse | undefined) {
  return response?.message.case === "result" ? response.message.value : undefined;
}

async function eventsUntilStarted(count: number, id: string): Promise<void> {
  let left = count;
  await eventsUntil(daemon.client, id, ({ event }) => event.case === "modelCallStarted" && --left === 0);
}
