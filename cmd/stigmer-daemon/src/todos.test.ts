import { AgentExecutionQueryController, ExecutionPhase as Phase, TodoState } from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tell } from "./commands.fake.ts";
import { eventsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { startKitRunner } from "./kit-runner.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const item = (text: string, state = "pending") => ({ text, state });
const updates = (...todos: readonly unknown[]) => ({ toolCalls: [{ name: "update_todos", arguments: { todos } }] });
const DONE = { text: "done" };

let daemon: TestDaemon;
let runner: AsyncDisposable;

beforeEach(async () => {
  daemon = await startTestDaemon();
  runner = startKitRunner(daemon);
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await runner[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

async function run(turns: readonly unknown[], todoList = true) {
  await createAgent(daemon.client, { model: daemon.script(turns), spec: { todoList } });
  const id = idOf(await execute(daemon.client));
  const { status } = await untilEnd(daemon.client, id);
  const events = await eventsOf(daemon.client, id);
  return { id, status, events, results: valuesOf(events, "toolCallFinished").map(({ result }) => result) };
}

describe("the list of what an agent has to do", () => {
  it("is replaced as a whole, by the commit of the call's outcome, and stands in the status", async () => {
    const { status, events } = await run([
      updates(item("read", "in_progress"), item("write")),
      updates(item("read", "completed"), item("write", "in_progress")),
      DONE,
    ]);

    const changes = valuesOf(events, "todosChanged");
    const at = events.findIndex(({ event }) => event.case === "todosChanged");
    expect(changes.map(({ todos }) => todos.map(({ state }) => state))).toEqual([
      [TodoState.IN_PROGRESS, TodoState.PENDING],
      [TodoState.COMPLETED, TodoState.IN_PROGRESS],
    ]);
    expect(status?.todos).toEqual(changes.at(-1)?.todos);
    expect(events[at - 1]).toMatchObject({ event: { case: "toolCallFinished" }, stepKey: events[at]?.stepKey });
    expect(events[at - 1]?.time).toEqual(events[at]?.time);
  });

  it("may be emptied, and is not recorded again where it says what is known", async () => {
    const { status, events } = await run([updates(item("a")), updates(item("a")), updates(), DONE]);

    expect(valuesOf(events, "todosChanged")).toHaveLength(2);
    expect(status?.todos).toEqual([]);
  });

  it.each([
    ["two items in progress", [item("a", "in_progress"), item("b", "in_progress")], "one at most"],
    ["an item without text", [item("")], "arguments"],
    ["a state that there is not", [item("a", "done")], "arguments"],
    ["more than 100 items", Array.from({ length: 101 }, () => item("a")), "arguments"],
    ["an item of more than 500 characters", [item("a".repeat(501))], "arguments"],
  ])("is left as it is by %s, and the model reads why", async (_, todos, words) => {
    const { status, events, results } = await run([updates(...todos), DONE]);

    expect(results).toMatchObject([{ isError: true, content: expect.stringContaining(words) }]);
    expect(valuesOf(events, "todosChanged")).toEqual([]);
    expect(status).toMatchObject({ phase: Phase.SUCCEEDED, todos: [] });
  });

  it("takes 100 items of 500 characters", async () => {
    const { status } = await run([updates(...Array.from({ length: 100 }, () => item("é".repeat(500)))), DONE]);

    expect(status?.todos).toHaveLength(100);
  });

  it("is there for agents that keep one alone", async () => {
    const { results } = await run([updates(item("a")), DONE], false);

    expect(results).toMatchObject([{ content: expect.stringContaining("there is no tool") }]);
  });

  it("goes along with a fork", async () => {
    const { id, events } = await run([updates(item("a")), updates(item("b")), DONE]);
    const sequence = BigInt(events.findIndex(({ event }) => event.case === "todosChanged") + 1);

    const fork = await tell(daemon.client, "fork", id, { sequence });
    const status = fork.status;
    await untilEnd(daemon.client, idOf(fork));
    const ended = await daemon.client.service(AgentExecutionQueryController).get({ id: idOf(fork) });

    expect(status?.todos).toMatchObject([{ text: "a" }]);
    expect(ended.status?.todos).toMatchObject([{ text: "b" }]);
  });

  it("is still known after a restart of the backend", async () => {
    const { id } = await run([updates(item("a")), DONE]);

    await daemon.stop();
    await daemon.start();

    const { status } = await daemon.client.service(AgentExecutionQueryController).get({ id });
    expect(status?.todos).toMatchObject([{ text: "a" }]);
  });
});
