import {
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  ApprovalCause,
  ApprovalDecision,
  ApprovalQueryController,
  ApprovalScope,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide, tell, why } from "./commands.fake.ts";
import { eventsOf, eventsUntil, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { createToolHost, startKitRunner, type TestToolHost, toolListing } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, idOf } from "./resources.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const READS = { tool: "read", annotations: '{"readOnlyHint":true}' };
const ADDS = { tool: "add", annotations: '{"destructiveHint":false}' };
const calls = (...names: readonly string[]) => ({ toolCalls: names.map((name) => ({ name, arguments: {} })) });
const submits = (plan = "1. act") => ({ toolCalls: [{ name: "submit_plan", arguments: { plan } }] });
const DONE = { text: "done" };

let daemon: TestDaemon;
let host: TestToolHost;
let runner: AsyncDisposable;
let agents: number;

beforeEach(async () => {
  agents = 0;
  daemon = await startTestDaemon();
  await createServer(daemon.client, "files");
  host = createToolHost([{ tool: "act" }, READS, ADDS]);
  runner = startKitRunner(daemon, { tools: host });
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await runner[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

type Setting = { readonly ofAgent?: boolean; readonly ofExecution?: boolean; readonly subAgents?: readonly string[] };

/** Starts an execution that follows these turns, in plan mode by its agent unless told. */
async function run(turns: readonly unknown[], setting: Setting = {}): Promise<string> {
  const { ofAgent = true, ofExecution = false, subAgents = [] } = setting;
  const spec = { planFirst: ofAgent, todoList: true, subAgents: subAgents.map((agent) => ({ agent })) };
  agents += 1;
  const name = `planner-${agents}`;
  await createAgent(daemon.client, { name, model: daemon.script(turns), servers: ["files"], spec });
  const execution = { metadata: {}, spec: { agent: name, message: "go", planFirst: ofExecution } };
  return idOf(await daemon.client.service(AgentExecutionCommandController).create(execution));
}

/** The approval that an execution waits for, the `nth` time that it does. */
async function asked(id: string, nth = 1): Promise<string> {
  const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL, nth);
  return status?.approvalId ?? "";
}

async function get(id: string) {
  return await daemon.client.service(AgentExecutionQueryController).get({ id });
}

async function resultsOf(id: string): Promise<string[]> {
  const events = await eventsOf(daemon.client, id);
  return valuesOf(events, "toolCallFinished").map(({ result }) => result?.content ?? "");
}

const made = (): string[] => host.calls.map(({ tool }) => tool);

/** Lets a person accept the definition of `read`. */
async function acceptRead(): Promise<void> {
  const id = await run([calls("files__read"), DONE], { ofAgent: false });
  await decide(daemon.client, await asked(id));
  await untilEnd(daemon.client, id);
}

describe("in plan mode", () => {
  it.each([
    ["the agent", { ofAgent: true }],
    ["the execution", { ofAgent: false, ofExecution: true }],
  ])("set by %s, what could change anything is refused, and nobody is asked about it", async (_, setting) => {
    const id = await run([calls("files__act", "files__add"), DONE], setting);

    const { status } = await untilEnd(daemon.client, id);

    expect(status).toMatchObject({ phase: Phase.SUCCEEDED, planMode: true, approvalIds: [] });
    expect(await resultsOf(id)).toEqual([1, 2].map(() => expect.stringMatching(/^refused: in plan mode/)));
    expect(host.calls).toEqual([]);
  });

  it("what is accepted as reading only is called", async () => {
    await acceptRead();

    const id = await run([calls("files__read"), DONE]);
    await untilEnd(daemon.client, id);

    expect(await resultsOf(id)).toEqual(["done"]);
    expect(made()).toEqual(["read", "read"]);
  });

  it("a tool that only says that it reads is asked about, and what is planned after it is not", async () => {
    const id = await run([calls("files__read", "files__act"), DONE]);

    const approvalId = await asked(id);
    const open = (await get(id)).status?.approvalIds;
    await decide(daemon.client, approvalId, { decision: ApprovalDecision.REJECTED });
    await untilEnd(daemon.client, id);

    expect(open).toEqual([approvalId]);
    expect(host.calls).toEqual([]);
  });

  it("a tool that is found to act when it is to be called is refused, and nobody is asked", async () => {
    await acceptRead();
    host.listing = [toolListing({ tool: "read", description: "writes", annotations: "" })];

    const id = await run([calls("files__read"), DONE]);
    const { status } = await untilEnd(daemon.client, id);

    expect(status).toMatchObject({ phase: Phase.SUCCEEDED, planMode: true });
    expect(await resultsOf(id)).toEqual([expect.stringMatching(/^refused: in plan mode/)]);
    expect(made()).toEqual(["read"]);
  });

  it("the to-do list is kept", async () => {
    const todos = [{ text: "look", state: "pending" }];
    const id = await run([{ toolCalls: [{ name: "update_todos", arguments: { todos } }] }, DONE]);

    const { status } = await untilEnd(daemon.client, id);

    expect(status?.todos).toMatchObject([{ text: "look" }]);
  });

  it("an execution that is not has no way to submit a plan", async () => {
    const id = await run([submits(), DONE], { ofAgent: false });

    await untilEnd(daemon.client, id);

    expect(await resultsOf(id)).toEqual([expect.stringContaining('there is no tool "submit_plan"')]);
  });
});

describe("a plan", () => {
  it("is shown to a person, and once it is approved the agent may act", async () => {
    const id = await run([submits("# Plan"), calls("files__add"), DONE]);

    const approvalId = await asked(id);
    const approval = await daemon.client.service(ApprovalQueryController).get({ id: approvalId });
    const before = (await get(id)).status?.planMode;
    const { waiting } = await why(daemon.client, id);
    await decide(daemon.client, approvalId, { comment: "good" });
    await decide(daemon.client, await asked(id, 2));
    const { status } = await untilEnd(daemon.client, id);

    const events = await eventsOf(daemon.client, id);
    expect(approval.spec).toMatchObject({
      cause: ApprovalCause.PLAN,
      message: "# Plan",
      tool: "submit_plan",
      server: "",
    });
    expect(waiting).toMatchObject([{ object: approvalId, message: expect.stringContaining("its plan") }]);
    expect([before, status?.planMode]).toEqual([true, false]);
    expect(valuesOf(events, "planApproved")).toMatchObject([{ approvalId, plan: "# Plan" }]);
    expect((await resultsOf(id))[0]).toMatch(/approved the plan.*good/s);
    expect(made()).toEqual(["add"]);
  });

  it("is not over before the commit of the step's outcome, and over with it", async () => {
    const id = await run([submits(), DONE]);
    await decide(daemon.client, await asked(id));
    await untilEnd(daemon.client, id);

    const events = await eventsOf(daemon.client, id);
    const at = events.findIndex(({ event }) => event.case === "planApproved");

    expect(events[at - 1]?.event.case).toBe("toolCallFinished");
    expect(events[at - 1]?.time).toEqual(events[at]?.time);
    expect(events[at]?.stepKey).toBe(events[at - 1]?.stepKey);
  });

  it("may be changed by the person, and the model is told the changed one", async () => {
    const id = await run([submits("act"), DONE]);

    await decide(daemon.client, await asked(id), { arguments: '{"plan":"read, then act"}' });
    await untilEnd(daemon.client, id);

    const [approved] = valuesOf(await eventsOf(daemon.client, id), "planApproved");
    expect(approved?.plan).toBe("read, then act");
    expect((await resultsOf(id))[0]).toContain("read, then act");
  });

  it.each([ApprovalDecision.REJECTED, ApprovalDecision.SKIPPED])(
    "that is sent back (%s) leaves plan mode on, and the model reads why",
    async (decision) => {
      const id = await run([submits("one"), calls("files__act"), submits("two"), DONE]);

      await decide(daemon.client, await asked(id), { decision, comment: "too bold" });
      const second = await asked(id, 2);
      const between = (await get(id)).status?.planMode;
      await decide(daemon.client, second);
      const { status } = await untilEnd(daemon.client, id);

      expect([between, status?.planMode]).toEqual([true, false]);
      expect((await resultsOf(id)).slice(0, 2)).toEqual([
        expect.stringContaining("too bold"),
        expect.stringContaining("in plan mode"),
      ]);
      expect(host.calls).toEqual([]);
    },
  );

  it.each([
    ["a scope", { scope: ApprovalScope.TOOL }, "scope"],
    ["arguments that are no plan", { arguments: '{"plan":1}' }, "arguments"],
  ])("is not approved with %s", async (_, wrong, field) => {
    const id = await run([submits(), DONE]);

    const fault = await refused(decide(daemon.client, await asked(id), wrong));

    expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field }] });
    await tell(daemon.client, "cancel", id);
  });

  it("that is submitted once more after it was approved changes nothing", async () => {
    const id = await run([{ toolCalls: [...submits().toolCalls, ...submits().toolCalls] }, DONE]);

    await decide(daemon.client, await asked(id));
    await untilEnd(daemon.client, id);

    expect(await resultsOf(id)).toEqual([expect.stringContaining("approved"), expect.stringContaining("no need")]);
  });

  it("is waited for across a restart of the backend", async () => {
    const id = await run([submits(), calls("files__add"), DONE]);
    const approvalId = await asked(id);

    await daemon.stop();
    await daemon.start();
    await decide(daemon.client, approvalId);
    await decide(daemon.client, await asked(id, 2));

    expect((await untilEnd(daemon.client, id)).status).toMatchObject({ phase: Phase.SUCCEEDED, planMode: false });
  });
});

describe("a fork", () => {
  it.each([
    ["after the plan was approved", "planApproved", false],
    ["before the plan was approved", "approvalRequested", true],
  ])("%s begins as its original was there", async (_, event, planMode) => {
    const id = await run([submits(), DONE]);
    await decide(daemon.client, await asked(id));
    await untilEnd(daemon.client, id);
    const events = await eventsOf(daemon.client, id);
    const sequence = BigInt(events.findIndex((one) => one.event.case === event) + 1);

    const fork = await tell(daemon.client, "fork", id, { sequence });

    expect(fork.status?.planMode).toBe(planMode);
    if (planMode) await decide(daemon.client, await asked(idOf(fork)));
    expect((await untilEnd(daemon.client, idOf(fork))).status).toMatchObject({ output: "done", planMode: false });
  });
});

it("keeps a sub-agent that works for an agent in plan mode in it to the end", async () => {
  const model = daemon.script([calls("files__act", "submit_plan"), { text: "found out" }]);
  await createAgent(daemon.client, { name: "scout", model, servers: ["files"], spec: { planFirst: true } });
  const sends = { toolCalls: [{ name: "agent__scout", arguments: { message: "look" } }] };

  const id = await run([sends, submits(), sends, DONE], { subAgents: ["scout"] });
  const [first] = valuesOf(
    await eventsUntil(daemon.client, id, ({ event }) => event.case === "subAgentEnded"),
    "subAgentStarted",
  );
  await decide(daemon.client, await asked(id));
  const started = await eventsUntil(daemon.client, id, ({ event }) => event.case === "planApproved").then(() =>
    eventsUntil(daemon.client, id, (one) => one.event.case === "subAgentStarted" && one.stepKey.startsWith("turn/3")),
  );
  const second = valuesOf(started, "subAgentStarted").at(-1)?.executionId ?? "";
  const tools = async (execution: string): Promise<string[]> =>
    valuesOf(await eventsUntil(daemon.client, execution, ({ event }) => event.case === "toolsListed"), "toolsListed")
      .flatMap((listed) => listed.tools)
      .map(({ name }) => name);

  expect(await tools(first?.executionId ?? "")).not.toContain("submit_plan");
  expect(await resultsOf(first?.executionId ?? "")).toEqual([
    expect.stringContaining("in plan mode"),
    expect.stringContaining("there is no tool"),
  ]);
  expect(await tools(second)).toContain("submit_plan");
  await tell(daemon.client, "terminate", id);
});
