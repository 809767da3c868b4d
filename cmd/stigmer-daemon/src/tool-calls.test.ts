import {
  AgentExecutionCommandController,
  ApprovalCause,
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalQueryController,
  McpServerQueryController,
  ExecutionPhase as Phase,
  Role,
} from "@stigmer/contracts/agentic";
import type { AgentContext, AgentLoop } from "@stigmer/sdk";
import { describe, expect, it } from "vitest";
import { eventsOf, kindsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { chatLoop, createToolHost, startKitRunner, toolListing } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const SCHEMA = JSON.stringify({
  type: "object",
  properties: { path: { type: "string", maxLength: 10 } },
  required: ["path"],
});
const READ_ONLY = JSON.stringify({ readOnlyHint: true });
const HARMLESS = JSON.stringify({ destructiveHint: false });

describe("a tool call that is wrong", () => {
  it.each([
    ["arguments that are missing", "files__act", {}, /do not fit the tool's schema/],
    ["arguments of another type", "files__act", { path: 1 }, /do not fit the tool's schema/],
    ["arguments that are no JSON", "files__act", "{nope", /not a JSON object/],
    ["arguments that are a list", "files__act", "[1]", /not a JSON object/],
    [
      "arguments in arguments without end",
      "files__act",
      `{"path":"a","x":${"[".repeat(20_000)}${"]".repeat(20_000)}}`,
      /nested deeper/,
    ],
    [
      "a name that there is none of",
      "files__other",
      { path: "a" },
      /there is no tool "files__other"; the tools are: files__act/,
    ],
  ])("for %s tells the model and calls nothing", async (_, name, args, words) => {
    const host = createToolHost([{ inputSchema: SCHEMA }]);
    await using daemon = await daemonWithTools();
    await using _runner = startKitRunner(daemon, { tools: host });

    const id = await run(daemon, [{ toolCalls: [{ name, arguments: args }] }, { text: "sorry" }]);
    const { status } = await untilEnd(daemon.client, id);

    const [finished] = valuesOf(await eventsOf(daemon.client, id), "toolCallFinished");
    expect(status).toMatchObject({ phase: Phase.SUCCEEDED, output: "sorry" });
    expect(finished?.result).toMatchObject({ isError: true, content: expect.stringMatching(words) });
    expect(host.calls).toEqual([]);
  });
});

describe("a destructive call", () => {
  it("parks its execution, which then holds neither lease nor slot, and runs once when it is approved", async () => {
    const host = createToolHost([{ inputSchema: SCHEMA }], () => ({ content: "deleted", isError: false }));
    await using daemon = await daemonWithTools();
    await using _ = startKitRunner(daemon, { tools: host, slots: 1 });

    const id = await run(daemon, [{ toolCalls: [{ name: "files__act", arguments: { path: "a" } }] }, { text: "ok" }]);
    const waiting = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);
    const other = await run(daemon, [{ text: "the slot was free" }]);
    const meanwhile = await untilEnd(daemon.client, other);
    const approval = await daemon.client.service(ApprovalQueryController).get({ id: waiting.status?.approvalId ?? "" });
    const callsBefore = host.calls.length;
    await decide(daemon, idOf(approval), ApprovalDecision.APPROVED);
    const ended = await untilEnd(daemon.client, id);

    expect(meanwhile.status?.output).toBe("the slot was free");
    expect(approval.spec).toMatchObject({
      executionId: id,
      stepKey: "turn/1/tool/call_0_0",
      tool: "act",
      server: "files",
      arguments: '{"path":"a"}',
      cause: ApprovalCause.POLICY,
      toolDescription: "acts",
    });
    expect(callsBefore).toBe(0);
    expect(host.calls.map(({ arguments: args }) => args)).toEqual(['{"path":"a"}']);
    expect(host.calls[0]?.idempotencyKey).toBe(`${id}/turn/1/tool/call_0_0`);
    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "ok", approvalId: "", turns: 2 });
    expect(kindsOf(await eventsOf(daemon.client, id))).toEqual([
      "created",
      "phaseChanged",
      "leaseGranted",
      "phaseChanged",
      "toolsListed",
      "modelCallStarted",
      "modelCallFinished",
      "approvalRequested",
      "phaseChanged",
      "approvalDecided",
      "phaseChanged",
      "leaseGranted",
      "phaseChanged",
      "toolCallStarted",
      "toolCallFinished",
      "modelCallStarted",
      "modelCallFinished",
      "phaseChanged",
    ]);
  });

  it("is not made when it is rejected, and the model reads why", async () => {
    const host = createToolHost([{}]);
    await using daemon = await daemonWithTools();
    await using _ = startKitRunner(daemon, { tools: host });
    const id = await run(daemon, [{ toolCalls: [{ name: "files__act", arguments: {} }] }, { text: "then not" }]);
    const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);

    await decide(daemon, status?.approvalId, ApprovalDecision.REJECTED, "not on a Friday");
    const ended = await untilEnd(daemon.client, id);

    const [finished] = valuesOf(await eventsOf(daemon.client, id), "toolCallFinished");
    expect(finished?.result).toMatchObject({ isError: true, content: "a person rejected this call: not on a Friday" });
    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "then not" });
    expect(host.calls).toEqual([]);
  });

  it("is decided once; the same answer again changes nothing, another is refused", async () => {
    await using daemon = await daemonWithTools();
    await using _ = startKitRunner(daemon, { tools: createToolHost([{}]) });
    const id = await run(daemon, [{ toolCalls: [{ name: "files__act", arguments: {} }] }, { text: "ok" }]);
    const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);

    const withdrawn = await refused(decide(daemon, status?.approvalId, ApprovalDecision.WITHDRAWN));
    const first = await decide(daemon, status?.approvalId, ApprovalDecision.APPROVED);
    const again = await decide(daemon, status?.approvalId, ApprovalDecision.APPROVED);
    const other = await refused(decide(daemon, status?.approvalId, ApprovalDecision.REJECTED));
    await untilEnd(daemon.client, id);

    expect(withdrawn).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "decision" }] });
    expect(again).toEqual(first);
    expect(other).toMatchObject({ kind: "precondition", reason: "APPROVAL_DECIDED", facts: { decision: "APPROVED" } });
    expect(valuesOf(await eventsOf(daemon.client, id), "approvalDecided")).toHaveLength(1);
  });

  it("is decided by one of many who answer at once", async () => {
    await using daemon = await daemonWithTools();
    await using _ = startKitRunner(daemon, { tools: createToolHost([{}]) });
    const id = await run(daemon, [{ toolCalls: [{ name: "files__act", arguments: {} }] }, { text: "ok" }]);
    const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);
    const decisions = [ApprovalDecision.APPROVED, ApprovalDecision.REJECTED];

    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) => decide(daemon, status?.approvalId, decisions[at % 2])),
    );
    await untilEnd(daemon.client, id);

    expect(answers.filter((answer) => answer.status === "fulfilled")).toHaveLength(10);
    for (const answer of answers)
      if (answer.status === "rejected") expect(answer.reason).toMatchObject({ reason: "APPROVAL_DECIDED" });
    expect(valuesOf(await eventsOf(daemon.client, id), "approvalDecided")).toHaveLength(1);
  });

  it("goes on after a restart of the daemon", async () => {
    const host = createToolHost([{}]);
    await using daemon = await daemonWithTools();
    await using _ = startKitRunner(daemon, { tools: host });
    const id = await run(daemon, [{ toolCalls: [{ name: "files__act", arguments: {} }] }, { text: "ok" }]);
    const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);

    await daemon.stop();
    await daemon.start();
    await decide(daemon, status?.approvalId, ApprovalDecision.APPROVED);

    expect((await untilEnd(daemon.client, id)).status?.output).toBe("ok");
    expect(host.calls).toHaveLength(1);
  });
});

describe("a tool that says that it is harmless", () => {
  it.each([
    ["read-only", READ_ONLY],
    ["not destructive", HARMLESS],
  ])("is believed from the first approval on: %s", async (_, annotations) => {
    const host = createToolHost([{ annotations }]);
    await using daemon = await daemonWithTools();
    await using _runner = startKitRunner(daemon, { tools: host });
    const turns = [{ toolCalls: [{ name: "files__act", arguments: {} }] }, { text: "ok" }];
    const first = await run(daemon, turns);
    const { status } = await untilPhase(daemon.client, first, Phase.WAITING_FOR_APPROVAL);
    await decide(daemon, status?.approvalId, ApprovalDecision.APPROVED);
    await untilEnd(daemon.client, first);

    const second = await run(daemon, turns);
    await untilEnd(daemon.client, second);

    expect(kindsOf(await eventsOf(daemon.client, second))).not.toContain("approvalRequested");
    expect(host.calls).toHaveLength(2);
    const server = await daemon.client.service(McpServerQueryController).getByReference({ name: "files" });
    expect(server.status?.acceptedTools).toMatchObject([{ name: "act", acceptedBy: "tester" }]);
    expect(server.metadata?.generation).toBe(1n);
  });

  it("is not believed after a rejection, nor once its definition has changed", async () => {
    const host = createToolHost([{ annotations: READ_ONLY }]);
    await using daemon = await daemonWithTools();
    await using _ = startKitRunner(daemon, { tools: host });
    const asks = async (decision: ApprovalDecision): Promise<void> => {
      const id = await run(daemon, [{ toolCalls: [{ name: "files__act", arguments: {} }] }, { text: "ok" }]);
      const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);
      await decide(daemon, status?.approvalId, decision);
      await untilEnd(daemon.client, id);
    };

    await asks(ApprovalDecision.REJECTED);
    await asks(ApprovalDecision.APPROVED);
    host.listing = [toolListing({ annotations: READ_ONLY, description: "acts, and more" })];
    await asks(ApprovalDecision.APPROVED);

    expect(host.calls).toHaveLength(2);
  });

  it("is asked for at every call where it says nothing that lowers the default", async () => {
    const host = createToolHost([{ annotations: "{}" }]);
    await using daemon = await daemonWithTools();
    await using _ = startKitRunner(daemon, { tools: host });
    const call = { name: "files__act", arguments: {} };
    const id = await run(daemon, [{ toolCalls: [call] }, { toolCalls: [call] }, { text: "ok" }]);

    for (const nth of [1, 2]) {
      const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL, nth);
      await decide(daemon, status?.approvalId, ApprovalDecision.APPROVED);
    }

    expect((await untilEnd(daemon.client, id)).status?.phase).toBe(Phase.SUCCEEDED);
    expect(host.calls).toHaveLength(2);
  });
});

describe("a tool's server", () => {
  it("that can't be started fails the execution with the reason", async () => {
    const host = { ...createToolHost([]), start: () => Promise.reject(new Error("no such program")) };
    await using daemon = await daemonWithTools();
    await using _ = startKitRunner(daemon, { tools: host });

    const { status } = await untilEnd(daemon.client, await run(daemon, [{ text: "never said" }]));

    expect(status).toMatchObject({ phase: Phase.FAILED, error: { reason: "TOOL_SERVER_FAILED" } });
    expect(status?.error?.message).toContain('"files"');
  });

  it("that fails in a call is something that the model is told", async () => {
    const host = createToolHost([{ annotations: READ_ONLY }], () => Promise.reject(new Error("it crashed")));
    await using daemon = await daemonWithTools();
    await using _ = startKitRunner(daemon, { tools: host });
    const id = await run(daemon, [{ toolCalls: [{ name: "files__act", arguments: {} }] }, { text: "a pity" }]);
    const waiting = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);

    await decide(daemon, waiting.status?.approvalId, ApprovalDecision.APPROVED);
    const { status } = await untilEnd(daemon.client, id);

    const [finished] = valuesOf(await eventsOf(daemon.client, id), "toolCallFinished");
    expect(status?.output).toBe("a pity");
    expect(finished?.result).toMatchObject({
      isError: true,
      content: "the tool's server failed: it crashed; the call may have had its effect",
    });
  });

  it("offers the tools that the agent names, under names that a model accepts", async () => {
    const host = createToolHost([{ tool: "a.b" }, { tool: "a/b" }, { tool: "x".repeat(80) }, { tool: "x".repeat(81) }]);
    await using daemon = await daemonWithTools();
    await using _ = startKitRunner(daemon, { tools: host });
    const id = await run(daemon, [{ text: "ok" }]);
    await untilEnd(daemon.client, id);

    const [listed] = valuesOf(await eventsOf(daemon.client, id), "toolsListed");

    const long = `files__${"x".repeat(57)}`;
    expect(listed?.tools.map(({ name }) => name)).toEqual([
      "files__a_b",
      "files__a_b_2",
      long,
      `${long.slice(0, 59)}_2`,
    ]);
    expect(new Set(listed?.tools.map(({ digest }) => digest)).size).toBe(4);
  });
});

it("leaves nothing unanswered to the session's next execution when it is cancelled while a person is asked", async () => {
  await using daemon = await daemonWithTools();
  const histories: AgentContext["history"][] = [];
  const agent: AgentLoop = async (context) => {
    histories.push(context.history);
    return await chatLoop(context);
  };
  await using _ = startKitRunner(daemon, { agent, tools: createToolHost([{}]) });
  const id = await run(daemon, [{ text: "let me act", toolCalls: [{ name: "files__act", arguments: {} }] }]);
  const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);
  await daemon.client.service(AgentExecutionCommandController).cancel({ id });

  const next = await execute(daemon.client, {
    sessionId: status?.sessionId ?? "",
    model: daemon.script([{ text: "hi" }]),
  });

  await untilEnd(daemon.client, idOf(next));

  const parts = histories.at(-1)?.flatMap((message) => message.parts.map(({ part }) => [message.role, part.case]));
  const [bound] = valuesOf(await eventsOf(daemon.client, idOf(next)), "historyBound");
  expect(bound?.messageHashes).toHaveLength(2);
  expect(parts).toEqual([
    [Role.USER, "text"],
    [Role.ASSISTANT, "text"],
  ]);
});

async function daemonWithTools(): Promise<TestDaemon> {
  const daemon = await startTestDaemon();
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { servers: ["files"] });
  return daemon;
}

async function run(daemon: TestDaemon, turns: readonly unknown[]): Promise<string> {
  return idOf(await execute(daemon.client, { model: daemon.script(turns) }));
}

async function decide(daemon: TestDaemon, id = "", decision: ApprovalDecision = 0, comment = "") {
  return await daemon.client.service(ApprovalCommandController).decide({ id, decision, comment });
}
