import {
  type AgentExecution,
  AgentExecutionQueryController,
  ApprovalDecision,
  ApprovalQueryController,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide, tell } from "./commands.fake.ts";
import { eventsOf, eventsUntil, kindsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { createToolHost, startKitRunner, type TestToolHost } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const ACT = { toolCalls: [{ name: "files__act", arguments: {} }] };

let daemon: TestDaemon;
let host: TestToolHost;
let runner: AsyncDisposable;

beforeEach(async () => {
  daemon = await startTestDaemon();
  await createServer(daemon.client, "files");
  host = createToolHost([{ tool: "act" }, { tool: "read" }, { tool: "write" }]);
  runner = startKitRunner(daemon, { tools: host, slots: 1 });
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await runner[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

/** Sets an agent to work, then says what it heard of. */
function asks(agent: string) {
  return [{ toolCalls: [{ name: `agent__${agent}`, arguments: { message: "do it" } }] }, { text: `${agent} is done` }];
}

type Tools = readonly { readonly name: string; readonly tools?: readonly string[] }[];

async function agent(name: string, turns: readonly unknown[], of: { subAgents?: string[]; mcpServers?: Tools } = {}) {
  const { subAgents = [], mcpServers = [{ name: "files" }] } = of;
  const spec = {
    subAgents: subAgents.map((one) => ({ agent: one })),
    mcpServers: mcpServers.map(({ tools = [], ...usage }) => ({ ...usage, tools: [...tools] })),
    askUser: true,
  };
  return await createAgent(daemon.client, { name, model: daemon.script(turns), spec });
}

async function run(name: string): Promise<string> {
  return idOf(await execute(daemon.client, { agent: name }));
}

async function get(id: string): Promise<AgentExecution> {
  return await daemon.client.service(AgentExecutionQueryController).get({ id });
}

/** The sub-agent's execution, once it is started. */
async function childOf(id: string): Promise<string> {
  const events = await eventsUntil(daemon.client, id, ({ event }) => event.case === "subAgentStarted");
  return valuesOf(events, "subAgentStarted")[0]?.executionId ?? "";
}

async function toolsOf(id: string): Promise<string[]> {
  const [listed] = valuesOf(await eventsOf(daemon.client, id), "toolsListed");
  return listed?.tools.map(({ name }) => name) ?? [];
}

/** An execution, its sub-agent, that one's, and that one's, which calls a tool that a person has to approve. */
async function chain(): Promise<string[]> {
  await agent("deeper", [{ text: "never" }]);
  await agent("leaf", [ACT, { text: "acted" }], { subAgents: ["deeper"] });
  await agent("low", asks("leaf"), { subAgents: ["leaf"] });
  await agent("middle", asks("low"), { subAgents: ["low"] });
  await agent("top", asks("middle"), { subAgents: ["middle"] });
  const ids = [await run("top")];
  for (let depth = 1; depth <= 3; depth++) ids.push(await childOf(ids.at(-1) ?? ""));
  await untilPhase(daemon.client, ids.at(-1) ?? "", Phase.WAITING_FOR_APPROVAL);
  return ids;
}

describe("a sub-agent", () => {
  it("answers the call that set it to work", async () => {
    await agent("worker", [{ text: "the answer is 42" }]);
    await agent("boss", asks("worker"), { subAgents: ["worker"] });
    const id = await run("boss");

    const ended = await untilEnd(daemon.client, id);
    const child = await get(await childOf(id));

    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "worker is done", subExecutionId: "" });
    expect(child).toMatchObject({
      spec: { agent: "worker", message: "do it" },
      status: { phase: Phase.SUCCEEDED, parent: { executionId: id, rootExecutionId: id, depth: 1 } },
    });
    expect(child.status?.sessionId).not.toBe(ended.status?.sessionId);
    const [answer] = valuesOf(await eventsOf(daemon.client, id), "subAgentEnded");
    expect(answer).toMatchObject({
      phase: Phase.SUCCEEDED,
      result: { callId: "call_0_0", content: "the answer is 42", isError: false },
    });
  });

  it("has only tools that both may use, and nobody to ask", async () => {
    await createServer(daemon.client, "web");
    const mcpServers = [{ name: "files", tools: ["read", "act"] }, { name: "web" }];
    await agent("worker", [{ text: "done" }], { mcpServers });
    await agent("boss", asks("worker"), {
      subAgents: ["worker"],
      mcpServers: [{ name: "files", tools: ["read", "write"] }],
    });
    const id = await run("boss");
    await untilEnd(daemon.client, id);

    expect(await toolsOf(id)).toEqual(["files__read", "files__write", "agent__worker", "ask_user"]);
    expect(await toolsOf(await childOf(id))).toEqual(["files__read"]);
  });

  it("works three deep and no deeper, on a runner with one slot", async () => {
    const ids = await chain();
    const [top = "", , , leaf = ""] = ids;

    await decide(daemon.client, (await get(leaf)).status?.approvalId ?? "");
    const ended = await untilEnd(daemon.client, top);

    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "middle is done" });
    expect((await get(leaf)).status?.parent).toMatchObject({ depth: 3, rootExecutionId: top });
    expect(await toolsOf(leaf)).toEqual(["files__act", "files__read", "files__write"]);
    expect(host.calls).toHaveLength(1);
    for (const id of ids) expect((await get(id)).status?.phase).toBe(Phase.SUCCEEDED);
  });

  it("goes on for its parent over a restart of the daemon", async () => {
    const [top = "", , , leaf = ""] = await chain();

    await daemon.stop();
    await daemon.start();
    await decide(daemon.client, (await get(leaf)).status?.approvalId ?? "");

    expect((await untilEnd(daemon.client, top)).status?.output).toBe("middle is done");
  });

  it.each([
    ["fails", { error: { status: 400, message: "no" } }, undefined, Phase.FAILED],
    ["is cancelled", ACT, "cancel", Phase.CANCELLED],
    ["is terminated", ACT, "terminate", Phase.TERMINATED],
  ] as const)("that %s is something that the model is told", async (_, turn, command, phase) => {
    await agent("worker", [turn, { text: "never" }]);
    await agent("boss", asks("worker"), { subAgents: ["worker"] });
    const id = await run("boss");
    const child = await childOf(id);
    if (command) {
      await untilPhase(daemon.client, child, Phase.WAITING_FOR_APPROVAL);
      await tell(daemon.client, command, child);
    }

    const ended = await untilEnd(daemon.client, id);

    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "worker is done", approvalIds: [] });
    expect((await get(child)).status?.phase).toBe(phase);
    const [answer] = valuesOf(await eventsOf(daemon.client, id), "subAgentEnded");
    expect(answer).toMatchObject({ executionId: child, phase, result: { isError: true } });
  });

  it("that has failed is not retried: its parent has had its answer", async () => {
    await agent("worker", [{ error: { status: 400, message: "no" } }]);
    await agent("boss", asks("worker"), { subAgents: ["worker"] });
    const id = await run("boss");
    await untilEnd(daemon.client, id);

    const fault = await refused(tell(daemon.client, "retry", await childOf(id)));

    expect(fault).toMatchObject({ reason: "EXECUTION_SUPERSEDED", facts: { execution: id } });
  });
});

describe("an approval of a sub-agent", () => {
  it("surfaces on all for whom it works, and is gone from all when it is decided", async () => {
    const ids = await chain();
    const [top = "", , , leaf = ""] = ids;
    const before = await Promise.all(ids.map(get));
    const approvalId = before[3]?.status?.approvalId ?? "";
    const filter = `spec.rootExecutionId = "${top}"`;
    const { items } = await daemon.client.service(ApprovalQueryController).list({ filter });

    const decided = await decide(daemon.client, approvalId, { decision: ApprovalDecision.REJECTED });
    const after = await Promise.all(ids.slice(0, 3).map(get));
    await untilEnd(daemon.client, top);

    expect(decided.spec).toMatchObject({ executionId: leaf, rootExecutionId: top, agent: "leaf" });
    expect(items.map(idOf)).toEqual([approvalId]);
    for (const { status } of before)
      expect(status).toMatchObject({ phase: Phase.WAITING_FOR_APPROVAL, approvalIds: [approvalId] });
    for (const { status } of after) expect(status).toMatchObject({ approvalIds: [] });
    for (const id of ids) {
      const kinds = kindsOf(await eventsOf(daemon.client, id));
      expect(kinds.filter((kind) => kind?.startsWith("approval"))).toEqual(["approvalRequested", "approvalDecided"]);
    }
  });
});

describe("an execution with a sub-agent", () => {
  it.each([
    ["cancelled", "cancel", Phase.CANCELLED],
    ["terminated", "terminate", Phase.TERMINATED],
  ] as const)("takes all below it with it where it is %s", async (_, command, phase) => {
    const ids = await chain();
    const approvalId = (await get(ids[0] ?? "")).status?.approvalId ?? "";

    await tell(daemon.client, command, ids[1] ?? "");
    const ended = await untilEnd(daemon.client, ids[0] ?? "");
    const approval = await daemon.client.service(ApprovalQueryController).get({ id: approvalId });

    for (const id of ids.slice(1)) expect((await get(id)).status).toMatchObject({ phase, approvalIds: [] });
    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, approvalIds: [] });
    expect(approval.status?.decision).toBe(ApprovalDecision.WITHDRAWN);
    const decided = await refused(decide(daemon.client, approvalId));
    expect(decided.reason).toBe("APPROVAL_DECIDED");
  });

  it("pauses and resumes all below it", async () => {
    const ids = await chain();
    const [top = ""] = ids;

    await tell(daemon.client, "pause", top);
    const paused = await Promise.all(ids.map(get));
    const approvalId = paused[0]?.status?.approvalId ?? "";
    await decide(daemon.client, approvalId);
    const decided = await Promise.all(ids.map(get));
    await tell(daemon.client, "resume", top);
    const ended = await untilEnd(daemon.client, top);

    expect(paused.map(({ status }) => status?.phase)).toEqual(Array(4).fill(Phase.PAUSED));
    expect(decided.map(({ status }) => status?.phase)).toEqual(Array(4).fill(Phase.PAUSED));
    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "middle is done" });
  });

  it("that is paused hears the answer when it is resumed", async () => {
    await agent("worker", [ACT, { text: "acted" }]);
    await agent("boss", asks("worker"), { subAgents: ["worker"] });
    const id = await run("boss");
    const child = await childOf(id);
    const asked = await untilPhase(daemon.client, child, Phase.WAITING_FOR_APPROVAL);
    await tell(daemon.client, "pause", id);

    await tell(daemon.client, "resume", child);
    await decide(daemon.client, asked.status?.approvalId ?? "");
    await untilEnd(daemon.client, child);
    const paused = await get(id);
    const resumed = await tell(daemon.client, "resume", id);

    expect(paused.status).toMatchObject({ phase: Phase.PAUSED, subExecutionId: "" });
    expect(resumed.status?.phase).toBe(Phase.PENDING);
    expect((await untilEnd(daemon.client, id)).status?.output).toBe("worker is done");
  });
});
