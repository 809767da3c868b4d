import {
  ApprovalCause,
  ApprovalDecision,
  ApprovalQueryController,
  ApprovalScope,
  ExecutionPhase as Phase,
  WaitingCause,
} from "@stigmer/contracts/agentic";
import type { ToolQuestion, ToolReply } from "@stigmer/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide, tell, why } from "./commands.fake.ts";
import { eventsOf, kindsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { createToolHost, startKitRunner, type TestToolHost } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const FORM = JSON.stringify({
  type: "object",
  properties: { color: { type: "string", enum: ["red", "blue"] }, count: { type: "integer" } },
  required: ["color"],
});
const ASK: ToolQuestion = { kind: "form", message: "Which color?", schema: FORM };
const OPEN: ToolQuestion = { kind: "url", message: "Sign here", url: "https://example.org/sign" };
const TURNS = [{ toolCalls: [{ name: "files__act", arguments: {} }] }, { text: "ok" }];

let daemon: TestDaemon;

beforeEach(async () => {
  daemon = await startTestDaemon();
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { servers: ["files"] });
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await daemon[Symbol.asyncDispose]();
});

/** A host whose tool asks these questions one after the other, and answers with what it was told. */
function asking(...questions: readonly ToolQuestion[]): TestToolHost & { readonly replies: ToolReply[] } {
  const replies: ToolReply[] = [];
  const host = createToolHost([{}], async (_, __, { elicit }) => {
    for (const question of questions) replies.push(await elicit(question));
    return { content: JSON.stringify(replies), isError: false };
  });
  return Object.assign(host, { replies });
}

async function run(turns: readonly unknown[] = TURNS): Promise<string> {
  return idOf(await execute(daemon.client, { model: daemon.script(turns) }));
}

/** The approval that the execution waits for, the `nth` time that it does. */
async function asked(id: string, nth: number): Promise<string> {
  const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL, nth);
  return status?.approvalId ?? "";
}

/** The question of the server, once the call itself was approved. */
async function elicited(id: string): Promise<string> {
  await decide(daemon.client, await asked(id, 1));
  return await asked(id, 2);
}

async function get(id: string) {
  return await daemon.client.service(ApprovalQueryController).get({ id });
}

describe("a tool server that asks in a call", () => {
  it("parks the execution, whose slot is free, and gets what a person fills in", async () => {
    const host = asking(ASK);
    await using _ = startKitRunner(daemon, { tools: host, slots: 1 });

    const id = await run();
    const approvalId = await elicited(id);
    const other = await run([{ text: "the slot was free" }]);
    const meanwhile = await untilEnd(daemon.client, other);
    const { spec } = await get(approvalId);
    const because = await why(daemon.client, id);
    await decide(daemon.client, approvalId, { arguments: '{"color":"blue"}' });
    const ended = await untilEnd(daemon.client, id);

    expect(meanwhile.status?.output).toBe("the slot was free");
    expect(spec).toMatchObject({
      ...{ cause: ApprovalCause.ELICITATION, tool: "act", server: "files", message: "Which color?", inputSchema: FORM },
      ...{ executionId: id, stepKey: "turn/1/tool/call_0_0", url: "", definitionDigest: "", arguments: "" },
    });
    expect(because.waiting).toMatchObject([
      { cause: WaitingCause.APPROVAL, object: approvalId, message: expect.stringContaining("Which color?") },
    ]);
    expect(host.replies).toEqual([{ action: "accept", content: '{"color":"blue"}' }]);
    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "ok", approvalId: "" });
    expect(host.calls).toHaveLength(1);
    expect(kindsOf(await eventsOf(daemon.client, id)).slice(13)).toEqual([
      ...["toolCallStarted", "approvalRequested", "phaseChanged", "approvalDecided", "phaseChanged", "leaseGranted"],
      ...["phaseChanged", "toolCallFinished", "modelCallStarted", "modelCallFinished", "phaseChanged"],
    ]);
  });

  it("keeps its server while a person is asked, and loses it when the execution has ended", async () => {
    const stopped: string[] = [];
    const host = Object.assign(asking(ASK), { stop: async (sessionId: string) => void stopped.push(sessionId) });
    await using _ = startKitRunner(daemon, { tools: host });

    const id = await run();
    const approvalId = await elicited(id);
    await untilEnd(daemon.client, await run([{ text: "the runner has ended its attempt by now" }]));
    const { sessionId = "" } = valuesOf(await eventsOf(daemon.client, id), "created")[0] ?? {};
    const before = stopped.filter((one) => one === sessionId).length;
    await decide(daemon.client, approvalId, { arguments: '{"color":"blue"}' });
    await untilEnd(daemon.client, id);

    expect(before).toBe(1); // when the call itself had to be approved
    expect(host.replies).toHaveLength(1);
  });

  it.each([
    ["a rejection", { decision: ApprovalDecision.REJECTED }, "decline"],
    ["a skip", { decision: ApprovalDecision.SKIPPED }, "cancel"],
  ])("is told of %s", async (_, answer, action) => {
    const host = asking(ASK);
    await using _runner = startKitRunner(daemon, { tools: host });

    const id = await run();
    await decide(daemon.client, await elicited(id), answer);
    await untilEnd(daemon.client, id);

    expect(host.replies).toEqual([{ action, content: "" }]);
  });

  it("may ask to open a URL, which a person approves without more", async () => {
    const host = asking(OPEN);
    await using _ = startKitRunner(daemon, { tools: host });

    const id = await run();
    const approvalId = await elicited(id);
    const { spec } = await get(approvalId);
    const wrong = await refused(decide(daemon.client, approvalId, { arguments: "{}" }));
    await decide(daemon.client, approvalId);
    await untilEnd(daemon.client, id);

    expect(spec).toMatchObject({ url: "https://example.org/sign", inputSchema: "", message: "Sign here" });
    expect(wrong).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "arguments" }] });
    expect(host.replies).toEqual([{ action: "accept", content: "" }]);
  });

  it("may ask again: each question is decided for itself", async () => {
    const host = asking(ASK, OPEN);
    await using _ = startKitRunner(daemon, { tools: host });

    const id = await run();
    const first = await elicited(id);
    await decide(daemon.client, first, { arguments: '{"color":"red"}' });
    const second = await asked(id, 3);
    await decide(daemon.client, second, { decision: ApprovalDecision.REJECTED });
    await untilEnd(daemon.client, id);

    expect(second).not.toBe(first);
    expect(host.replies.map(({ action }) => action)).toEqual(["accept", "decline"]);
    expect(host.calls).toHaveLength(1);
  });

  it.each([
    ["nothing that was filled in", {}, "arguments"],
    ["what does not fit the form", { arguments: '{"color":"green"}' }, "arguments"],
    ["what is no JSON", { arguments: "{nope" }, "arguments"],
    ["a scope", { arguments: '{"color":"red"}', scope: ApprovalScope.TOOL }, "scope"],
    ["what was filled in with a rejection", { arguments: "{}", decision: ApprovalDecision.REJECTED }, "arguments"],
  ])("is not answered with %s", async (_, wrong, field) => {
    await using _runner = startKitRunner(daemon, { tools: asking(ASK) });
    const id = await run();
    const approvalId = await elicited(id);

    const fault = await refused(decide(daemon.client, approvalId, wrong));

    expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field }] });
    expect((await get(approvalId)).status?.decision).toBe(ApprovalDecision.UNSPECIFIED);
  });

  it.each<[string, ToolQuestion]>([
    ["a script instead of a URL", { ...OPEN, url: "javascript:alert(1)" }],
    ["a file instead of a URL", { ...OPEN, url: "file:///etc/passwd" }],
    ["a URL with a password", { ...OPEN, url: "https://me:secret@example.org/" }],
    ["a form that is no JSON", { ...ASK, schema: "{nope" }],
    ["a form that is no object", { ...ASK, schema: '{"type":"string"}' }],
    ["a form of too many fields", { ...ASK, schema: JSON.stringify(manyFields()) }],
  ])("is told that nobody answers where it asks with %s", async (_, question) => {
    const host = asking(question);
    await using _runner = startKitRunner(daemon, { tools: host });

    const id = await run();
    await decide(daemon.client, await asked(id, 1));
    await untilEnd(daemon.client, id);

    expect(host.replies).toEqual([{ action: "cancel", content: "" }]);
    expect(valuesOf(await eventsOf(daemon.client, id), "approvalRequested")).toHaveLength(1);
  });

  it("that asks without end is told from its 17th question on that nobody answers", async () => {
    const host = asking(...Array.from({ length: 18 }, () => OPEN));
    await using _ = startKitRunner(daemon, { tools: host });

    const id = await run();
    await decide(daemon.client, await asked(id, 1));
    for (let nth = 2; nth <= 17; nth++) await decide(daemon.client, await asked(id, nth));
    await untilEnd(daemon.client, id);

    expect(host.replies.map(({ action }) => action)).toEqual([
      ...Array.from({ length: 16 }, () => "accept"),
      ...["cancel", "cancel"],
    ]);
  });
});

function manyFields() {
  const fields = Array.from({ length: 65 }, (_, at) => [`f${at}`, { type: "string" }]);
  return { type: "object", properties: Object.fromEntries(fields) };
}

describe("a question of a tool server", () => {
  it("that is asked in a sub-agent's call is shown by the execution for which it works", async () => {
    const host = asking(ASK);
    await using _ = startKitRunner(daemon, { tools: host });
    await createAgent(daemon.client, { name: "worker", model: daemon.script(TURNS), servers: ["files"] });
    const asks = { toolCalls: [{ name: "agent__worker", arguments: { message: "act" } }] };
    const spec = { subAgents: [{ agent: "worker" }] };
    const model = daemon.script([asks, { text: "helped" }]);
    await createAgent(daemon.client, { name: "boss", model, servers: ["files"], spec });

    const id = idOf(await execute(daemon.client, { agent: "boss" }));
    const approvalId = await elicited(id);
    const { spec: question } = await get(approvalId);
    await decide(daemon.client, approvalId, { arguments: '{"color":"blue"}' });

    expect(question).toMatchObject({ cause: ApprovalCause.ELICITATION, rootExecutionId: id, agent: "worker" });
    expect((await untilEnd(daemon.client, id)).status?.output).toBe("helped");
    expect(host.replies).toEqual([{ action: "accept", content: '{"color":"blue"}' }]);
  });

  it("outlives the daemon: decided after a restart, the answer reaches the call that still waits", async () => {
    const host = asking(ASK);
    await using _ = startKitRunner(daemon, { tools: host });
    const id = await run();
    const approvalId = await elicited(id);

    await daemon.stop();
    await daemon.start();
    await decide(daemon.client, approvalId, { arguments: '{"color":"blue"}' });
    const ended = await untilEnd(daemon.client, id);

    expect(ended.status?.output).toBe("ok");
    expect(host.replies).toEqual([{ action: "accept", content: '{"color":"blue"}' }]);
    expect(host.calls).toHaveLength(1);
  });

  it("is withdrawn when the call ends without an answer, and the execution goes on", async () => {
    const gaveUp = Promise.withResolvers<void>();
    const host = createToolHost([{}], async (_, __, { elicit }) => {
      const patience = new AbortController();
      void gaveUp.promise.then(() => patience.abort(new Error("nobody answered")));
      await elicit(ASK, patience.signal).catch(() => {});
      return { content: "went without", isError: false };
    });
    await using _ = startKitRunner(daemon, { tools: host });
    const id = await run();
    const approvalId = await elicited(id);

    gaveUp.resolve();
    const ended = await untilEnd(daemon.client, id);

    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, approvalIds: [] });
    expect((await get(approvalId)).status).toMatchObject({ decision: ApprovalDecision.WITHDRAWN });
    const [finished] = valuesOf(await eventsOf(daemon.client, id), "toolCallFinished");
    expect(finished?.result?.content).toBe("went without");
  });

  it("is withdrawn when its execution is cancelled", async () => {
    await using _ = startKitRunner(daemon, { tools: asking(ASK) });
    const id = await run();
    const approvalId = await elicited(id);

    await tell(daemon.client, "cancel", id);

    expect((await untilEnd(daemon.client, id)).status?.phase).toBe(Phase.CANCELLED);
    expect((await get(approvalId)).status?.decision).toBe(ApprovalDecision.WITHDRAWN);
  });

  it("waits on while the execution is paused, and is answered then", async () => {
    const host = asking(ASK);
    await using _ = startKitRunner(daemon, { tools: host });
    const id = await run();
    const approvalId = await elicited(id);

    await tell(daemon.client, "pause", id);
    await decide(daemon.client, approvalId, { arguments: '{"color":"red"}' });
    await tell(daemon.client, "resume", id);

    expect((await untilEnd(daemon.client, id)).status?.output).toBe("ok");
    expect(host.replies).toHaveLength(1);
  });
});
