import { ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, expect, it } from "vitest";
import { tell } from "./commands.fake.ts";
import { callTool } from "./driven.fake.ts";
import { eventsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { startKitRunner } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { tend } from "./tended.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;

beforeEach(async () => {
  daemon = await startTestDaemon();
  await createAgent(daemon.client, { spec: { askUser: true } });
});
afterEach(() => daemon[Symbol.asyncDispose]());

function asks(question: string, options: readonly string[] = []) {
  return { toolCalls: [{ name: "ask_user", arguments: { question, options } }] };
}

async function run(turns: readonly unknown[]): Promise<string> {
  return idOf(await execute(daemon.client, { model: daemon.script(turns) }));
}

it("answers the question of an agent, which goes on with it", async () => {
  await using _ = startKitRunner(daemon, { slots: 1 });
  const id = await run([asks("which colour?", ["red", "blue"]), { text: "thanks" }]);
  const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_INPUT);

  const other = await untilEnd(daemon.client, await run([{ text: "the slot was free" }]));
  const answered = await tell(daemon.client, "provideInput", id, { text: "blue" });
  const ended = await untilEnd(daemon.client, id);

  expect(status?.question).toMatchObject({ text: "which colour?", options: ["red", "blue"] });
  expect(other.status?.phase).toBe(Phase.SUCCEEDED);
  expect(answered.status?.phase).toBe(Phase.PENDING);
  expect(answered.status?.question).toBeUndefined();
  expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "thanks" });
  const [provided] = valuesOf(await eventsOf(daemon.client, id), "inputProvided");
  expect(provided).toMatchObject({ by: "tester", result: { callId: "call_0_0", content: "blue", isError: false } });
});

it("answers one question after another, each by its own step", async () => {
  await using _ = startKitRunner(daemon);
  const id = await run([asks("one?"), asks("two?"), { text: "thanks" }]);
  const first = await untilPhase(daemon.client, id, Phase.WAITING_FOR_INPUT);
  const stepKey = first.status?.question?.stepKey ?? "";
  await tell(daemon.client, "provideInput", id, { stepKey, text: "1" });
  await untilPhase(daemon.client, id, Phase.WAITING_FOR_INPUT, 2);

  const again = await tell(daemon.client, "provideInput", id, { stepKey, text: "1" });
  const other = await refused(tell(daemon.client, "provideInput", id, { stepKey, text: "another" }));
  await tell(daemon.client, "provideInput", id, { text: "2" });
  await untilEnd(daemon.client, id);

  expect(again.status?.phase).toBe(Phase.WAITING_FOR_INPUT);
  expect(other).toMatchObject({ kind: "precondition", reason: "EXECUTION_PHASE" });
  const provided = valuesOf(await eventsOf(daemon.client, id), "inputProvided");
  expect(provided.map(({ result }) => result?.content)).toEqual(["1", "2"]);
});

it("is taken once, however many answer at once", async () => {
  await using _ = startKitRunner(daemon);
  const id = await run([asks("which?"), { text: "thanks" }]);
  const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_INPUT);
  const stepKey = status?.question?.stepKey ?? "";

  const answers = await Promise.allSettled(
    Array.from({ length: 20 }, (_, at) => tell(daemon.client, "provideInput", id, { stepKey, text: `${at % 2}` })),
  );
  await untilEnd(daemon.client, id);

  expect(answers.filter((answer) => answer.status === "fulfilled")).toHaveLength(10);
  expect(valuesOf(await eventsOf(daemon.client, id), "inputProvided")).toHaveLength(1);
});

it("is kept over a restart of the daemon", async () => {
  await using _ = startKitRunner(daemon);
  const id = await run([asks("which?"), { text: "thanks" }]);
  await untilPhase(daemon.client, id, Phase.WAITING_FOR_INPUT);

  await daemon.stop();
  await daemon.start();
  await tell(daemon.client, "provideInput", id);

  expect((await untilEnd(daemon.client, id)).status?.output).toBe("thanks");
});

it("is not asked twice by a loop that asks again", async () => {
  const runner = await tend(daemon.client);
  const id = idOf(await execute(daemon.client, { model: daemon.script([]) }));
  const lease = await runner.lease(id);
  await runner.list(lease, 0);
  const call = { name: "ask_user", arguments: '{"question":"which?"}' };

  const first = await callTool(daemon.client, lease, call);
  await tell(daemon.client, "pause", id);
  await tell(daemon.client, "provideInput", id, { text: "blue" });
  await tell(daemon.client, "resume", id);
  const again = await callTool(daemon.client, await runner.lease(id), call);

  expect(first).toMatchObject({ case: "parked", value: { approvalId: "" } });
  expect(again).toMatchObject({ case: "result", value: { content: "blue" } });
  expect(valuesOf(await eventsOf(daemon.client, id), "inputRequested")).toHaveLength(1);
});

it("is not a tool of an agent that may not ask", async () => {
  await createAgent(daemon.client, { name: "quiet" });
  await using _ = startKitRunner(daemon);
  const model = daemon.script([asks("which?"), { text: "then not" }]);

  const ended = await untilEnd(daemon.client, idOf(await execute(daemon.client, { agent: "quiet", model })));

  expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "then not" });
});
