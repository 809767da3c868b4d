import {
  AgentExecutionQueryController,
  FinishReason,
  ExecutionPhase as Phase,
  SessionQueryController,
} from "@stigmer/contracts/agentic";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventsOf, kindsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { startKitRunner } from "./kit-runner.fake.ts";
import { startModelServer } from "./model-server.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
let runner: AsyncDisposable;

beforeAll(async () => {
  daemon = await startTestDaemon();
  runner = startKitRunner(daemon);
  await createAgent(daemon.client);
});
afterAll(async () => {
  await runner[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

describe("an execution", () => {
  it("runs to its end in a session of its own", async () => {
    const model = daemon.script([{ text: "hello to you" }]);

    const started = await execute(daemon.client, { message: "hi there", model });
    const ended = await untilEnd(daemon.client, idOf(started));

    expect(started.status?.phase).toBe(Phase.PENDING);
    expect(started.metadata?.name).toMatch(/^helper-[a-z0-9]{5}$/);
    expect(ended.status).toMatchObject({
      phase: Phase.SUCCEEDED,
      output: "hello to you",
      model,
      turns: 1,
      usage: { inputTokens: 2n, outputTokens: 3n },
    });
    expect(ended.status?.endTime).toBeDefined();
    const session = await daemon.client.service(SessionQueryController).get({ id: ended.status?.sessionId ?? "" });
    expect(session).toMatchObject({ spec: { agent: "helper" }, status: { latestExecutionId: idOf(started) } });
  });

  it("has a journal that says what happened, in order", async () => {
    const model = daemon.script([{ text: "done" }]);
    const started = await execute(daemon.client, { model });
    await untilEnd(daemon.client, idOf(started));

    const events = await eventsOf(daemon.client, idOf(started));

    expect(kindsOf(events)).toEqual([
      "created",
      "phaseChanged",
      "leaseGranted",
      "phaseChanged",
      "toolsListed",
      "modelCallStarted",
      "modelCallFinished",
      "phaseChanged",
    ]);
    expect(valuesOf(events, "phaseChanged").map(({ phase }) => phase)).toEqual([
      Phase.PENDING,
      Phase.RUNNING,
      Phase.SUCCEEDED,
    ]);
    expect(valuesOf(events, "created")[0]).toMatchObject({ agent: "helper", model, requestedBy: "tester" });
    expect(valuesOf(events, "modelCallFinished")[0]).toMatchObject({
      finishReason: FinishReason.STOP,
      providerAttempts: 1,
      scripted: true,
    });
  });

  it("keeps its agent as it was when it was made", async () => {
    const agent = await createAgent(daemon.client, { name: "pinned", model: daemon.script([{ text: "old" }]) });

    const started = await execute(daemon.client, { agent: "pinned" });
    await untilEnd(daemon.client, idOf(started));

    const [created] = valuesOf(await eventsOf(daemon.client, idOf(started)), "created");
    expect(created).toMatchObject({ agentRevision: agent.status?.revision, spec: { instructions: "help" } });
  });

  it("takes its own model before the agent's, and that before the configured one", async () => {
    const [own, agents, configured] = ["own", "agents", "configured"].map((text) => daemon.script([{ text }]));
    await createAgent(daemon.client, { name: "with-model", model: agents ?? "" });
    daemon.configure(`model: ${configured}\n`);

    const outputs = [
      await execute(daemon.client, { agent: "with-model", model: own ?? "" }),
      await execute(daemon.client, { agent: "with-model" }),
      await execute(daemon.client),
    ].map(async (started) => (await untilEnd(daemon.client, idOf(started))).status?.output);

    expect(await Promise.all(outputs)).toEqual(["own", "agents", "configured"]);
    daemon.configure("");
  });

  it("is not started without a model, nor with one that nobody provides", async () => {
    const unset = await refused(execute(daemon.client));
    const unknown = await refused(execute(daemon.client, { model: "nobody/model" }));
    const keyless = await refused(execute(daemon.client, { model: "openai/gpt" }));
    const formless = await refused(execute(daemon.client, { model: "gpt" }));

    expect(unset).toMatchObject({ kind: "precondition", reason: "MODEL_NOT_SET" });
    for (const fault of [unknown, keyless])
      expect(fault).toMatchObject({ kind: "precondition", reason: "PROVIDER_NOT_CONFIGURED" });
    expect(formless).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "spec.model" }] });
    const { items } = await daemon.client.service(SessionQueryController).list({});
    expect(items.filter(({ status }) => status?.latestExecutionId === "")).toEqual([]);
  });

  it.each([
    ["agent", { agent: "absent" }, "REFERENCE_NOT_FOUND"],
    ["session", { sessionId: "ses_0" }, "RESOURCE_NOT_FOUND"],
    ["agent at all", { agent: "" }, "INVALID_REQUEST"],
  ] as const)("is not started without the %s that it names", async (_, spec, reason) => {
    const fault = await refused(execute(daemon.client, { model: daemon.script([]), ...spec }));

    expect(fault.reason).toBe(reason);
  });

  it("fails with what its model's provider says", async () => {
    const refusedBy = daemon.script([{ error: { status: 400, message: "no" } }]);
    const started = await execute(daemon.client, { model: refusedBy });

    const ended = await untilEnd(daemon.client, idOf(started));

    expect(ended.status).toMatchObject({ phase: Phase.FAILED, error: { reason: "PROVIDER_REFUSED" }, output: "" });
  });

  it("fails with what its loop says", async () => {
    await using other = await startTestDaemon();
    await using _ = startKitRunner(other, { agent: () => Promise.reject(new Error("a bug in the loop")) });
    await createAgent(other.client);
    const started = await execute(other.client, { model: other.script([]) });

    const ended = await untilEnd(other.client, idOf(started));

    expect(ended.status).toMatchObject({
      phase: Phase.FAILED,
      error: { reason: "INTERNAL", message: "a bug in the loop" },
    });
  });

  it("waits for a runner that has a slot free", async () => {
    await using other = await startTestDaemon();
    await using provider = await startModelServer();
    other.configure(provider.config);
    await createAgent(other.client);
    const first = await execute(other.client, { model: "held/m" });
    const second = await execute(other.client, { model: "held/m" });
    await using _ = startKitRunner(other, { slots: 1 });

    const call = await provider.next();
    const waiting = await other.client.service(AgentExecutionQueryController).get({ id: idOf(second) });
    call.say("one");
    call.finish();
    (await provider.next()).finish();

    expect(waiting.status?.phase).toBe(Phase.PENDING);
    expect((await untilEnd(other.client, idOf(first))).status?.output).toBe("one");
    expect((await untilEnd(other.client, idOf(second))).status?.phase).toBe(Phase.SUCCEEDED);
  });
});

describe("a session", () => {
  it("gives an execution the conversation of those before it", async () => {
    await using provider = await startModelServer();
    daemon.configure(provider.config);
    const first = await execute(daemon.client, { message: "my name is Ada", model: "held/m" });
    const call = await provider.next();
    call.say("hello Ada");
    call.finish();
    const { status } = await untilEnd(daemon.client, idOf(first));

    const second = await execute(daemon.client, {
      sessionId: status?.sessionId ?? "",
      message: "what is my name?",
      model: "held/m",
    });
    const asked = await provider.next();
    asked.say("Ada");
    asked.finish();
    await untilEnd(daemon.client, idOf(second));

    expect(asked.body.messages.map(({ role, content }) => [role, content])).toEqual([
      ["user", "my name is Ada"],
      ["assistant", "hello Ada"],
      ["user", "what is my name?"],
    ]);
    const { items } = await daemon.client
      .service(AgentExecutionQueryController)
      .list({ parent: status?.sessionId ?? "" });
    expect(items.map(idOf)).toEqual([idOf(first), idOf(second)]);
    daemon.configure("");
  });

  it("runs one execution at a time; others wait for their turn", async () => {
    await using provider = await startModelServer();
    daemon.configure(provider.config);
    const first = await execute(daemon.client, { model: "held/m" });
    const sessionId = first.status?.sessionId ?? "";
    const call = await provider.next();

    const second = await execute(daemon.client, { sessionId, model: "held/m" });
    const session = await daemon.client.service(SessionQueryController).get({ id: sessionId });
    const callsBefore = provider.count;
    call.finish();
    await untilEnd(daemon.client, idOf(first));
    (await provider.next()).finish();
    await untilEnd(daemon.client, idOf(second));

    expect(second.status?.phase).toBe(Phase.PENDING);
    expect(session.status).toMatchObject({ activeExecutionId: idOf(first), queuedExecutionIds: [idOf(second)] });
    expect(callsBefore).toBe(1);
    daemon.configure("");
  });

  it("is of use after an execution that was cut off in the middle of a tool call", async () => {
    await using provider = await startModelServer();
    daemon.configure(provider.config);
    const script = daemon.script([
      { text: "let me see", toolCalls: [{ name: "absent", arguments: {} }] },
      { error: { status: 400, message: "cut off" } },
    ]);
    const first = await execute(daemon.client, { message: "one", model: script });
    const { status } = await untilEnd(daemon.client, idOf(first));

    const sessionId = status?.sessionId ?? "";
    const second = await execute(daemon.client, { sessionId, message: "two", model: "held/m" });
    const asked = await provider.next();
    asked.finish();
    await untilEnd(daemon.client, idOf(second));

    expect(status?.phase).toBe(Phase.FAILED);
    expect(asked.body.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "user"]);
    daemon.configure("");
  });
});
