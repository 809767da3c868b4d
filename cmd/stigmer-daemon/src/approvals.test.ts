import {
  AgentExecutionQueryController,
  ApprovalCause,
  ApprovalDecision,
  ApprovalExpiry,
  ApprovalQueryController,
  ApprovalScope,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { type AgentLoop, create, ToolCallSchema } from "@stigmer/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide } from "./commands.fake.ts";
import { callTool } from "./driven.fake.ts";
import { eventsOf, eventsUntil, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { chatLoop, createToolHost, startKitRunner, type TestToolHost } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { tend } from "./tended.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const SCHEMA = JSON.stringify({
  type: "object",
  properties: { path: { type: "string", maxLength: 10 } },
  required: ["path"],
});
const ACT = { name: "files__act", arguments: { path: "a" } };
const MINUTE_MS = 60_000;

let daemon: TestDaemon;
let clock: SteppedClock;
let host: TestToolHost;

beforeEach(async () => {
  clock = createSteppedClock();
  daemon = await startTestDaemon({ clock });
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { servers: ["files"] });
  host = createToolHost([{ inputSchema: SCHEMA }, { tool: "other" }]);
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await daemon[Symbol.asyncDispose]();
});

function start(agent?: AgentLoop): AsyncDisposable {
  return startKitRunner(daemon, { tools: host, ...(agent && { agent }) });
}

async function run(turns: readonly unknown[], agent = "helper"): Promise<string> {
  return idOf(await execute(daemon.client, { agent, model: daemon.script(turns) }));
}

/** The approval that an execution waits for, the `nth` time that it does. */
async function asked(id: string, nth = 1): Promise<string> {
  const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL, nth);
  return status?.approvalId ?? "";
}

async function get(id: string) {
  return await daemon.client.service(ApprovalQueryController).get({ id });
}

async function resultsOf(id: string) {
  return valuesOf(await eventsOf(daemon.client, id), "toolCallFinished").map(({ result }) => result);
}

describe("an approval", () => {
  it("may put other arguments in the place of the model's: the tool gets them, and the journal has both", async () => {
    await using _ = start();
    const id = await run([{ toolCalls: [ACT] }, { text: "ok" }]);

    const decided = await decide(daemon.client, await asked(id), { arguments: '{"path":"b"}' });
    await untilEnd(daemon.client, id);

    const events = await eventsOf(daemon.client, id);
    expect(decided).toMatchObject({ spec: { arguments: '{"path":"a"}' }, status: { arguments: '{"path":"b"}' } });
    expect(host.calls.map((call) => call.arguments)).toEqual(['{"path":"b"}']);
    expect(valuesOf(events, "approvalRequested")[0]?.spec?.arguments).toBe('{"path":"a"}');
    expect(valuesOf(events, "approvalDecided")).toMatchObject([{ arguments: '{"path":"b"}' }]);
    expect(valuesOf(events, "toolCallStarted")).toMatchObject([{ call: { arguments: '{"path":"b"}' } }]);
  });

  it.each([
    ["do not fit the schema", { arguments: '{"path":1}' }, ["arguments"]],
    ["are no JSON", { arguments: "{nope" }, ["arguments"]],
    ["come with a rejection", { arguments: '{"path":"b"}', decision: ApprovalDecision.REJECTED }, ["arguments"]],
  ])("refuses arguments that %s", async (_, wrong, fields) => {
    await using _runner = start();
    const id = await run([{ toolCalls: [ACT] }, { text: "ok" }]);
    const approvalId = await asked(id);

    const fault = await refused(decide(daemon.client, approvalId, wrong));

    expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: fields.map((field) => ({ field })) });
    expect((await get(approvalId)).status?.decision).toBe(ApprovalDecision.UNSPECIFIED);
  });

  it.each([ApprovalDecision.REJECTED, ApprovalDecision.SKIPPED])(
    "refuses a scope with the decision %s, which covers one call",
    async (decision) => {
      await using _ = start();
      const id = await run([{ toolCalls: [ACT] }, { text: "ok" }]);

      const fault = await refused(decide(daemon.client, await asked(id), { decision, scope: ApprovalScope.TOOL }));

      expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "scope" }] });
    },
  );

  it("may be a skip: the call is not made, and the model goes on without it", async () => {
    await using _ = start();
    const id = await run([{ toolCalls: [ACT] }, { text: "then without" }]);

    await decide(daemon.client, await asked(id), { decision: ApprovalDecision.SKIPPED, comment: "not needed" });
    const ended = await untilEnd(daemon.client, id);

    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "then without" });
    expect(await resultsOf(id)).toMatchObject([{ isError: false, content: expect.stringContaining("not needed") }]);
    expect(host.calls).toEqual([]);
  });

  it("is good for one call of one step", async () => {
    await using _ = start();
    const id = await run([{ toolCalls: [ACT] }, { toolCalls: [ACT] }, { text: "ok" }]);

    const first = await asked(id);
    await decide(daemon.client, first);
    const second = await asked(id, 2);
    const digests = [(await get(first)).spec?.digest, (await get(second)).spec?.digest];
    await decide(daemon.client, second, { decision: ApprovalDecision.REJECTED });
    await untilEnd(daemon.client, id);

    expect(new Set([first, second]).size).toBe(2);
    expect(new Set(digests).size).toBe(2);
    expect(host.calls).toHaveLength(1);
  });
});

it("counts for no other arguments than those that were asked about, nor for another tool", async () => {
  const runner = await tend(daemon.client);
  const id = idOf(await execute(daemon.client, { model: daemon.script([]) }));
  const first = await runner.lease(id);
  await runner.list(first, 1, [{}, { tool: "other" }]);
  const parked = [await callTool(daemon.client, first, { name: "files__act", arguments: '{"path":"a"}' })];

  for (const call of [{ arguments: '{"path":"b"}' }, { name: "files__other", arguments: '{"path":"b"}' }]) {
    await decide(daemon.client, approvalIn(parked.at(-1)));
    const lease = await runner.lease(id);
    parked.push(await callTool(daemon.client, lease, { name: "files__act", ...call }));
  }

  expect(new Set(parked.map(approvalIn)).size).toBe(3);
  expect(runner.line.heard.filter(({ case: kind }) => kind === "callTool")).toEqual([]);
});

function approvalIn(answer: Awaited<ReturnType<typeof callTool>> | undefined): string {
  return answer?.case === "parked" ? answer.value.approvalId : "";
}

describe("an approval for the rest of the execution", () => {
  const OTHER = { name: "files__other", arguments: {} };

  it.each([
    ["this call", ApprovalScope.ONCE, 3],
    ["this tool", ApprovalScope.TOOL, 2],
    ["this server", ApprovalScope.SERVER, 1],
  ])("covers %s", async (_, scope, questions) => {
    await using _runner = start();
    const turns = [{ toolCalls: [ACT] }, { toolCalls: [{ ...ACT, arguments: { path: "b" } }] }, { toolCalls: [OTHER] }];
    const id = await run([...turns, { text: "ok" }]);

    for (let nth = 1; nth <= questions; nth++) await decide(daemon.client, await asked(id, nth), { scope });
    const ended = await untilEnd(daemon.client, id);

    expect(ended.status?.phase).toBe(Phase.SUCCEEDED);
    expect(valuesOf(await eventsOf(daemon.client, id), "approvalRequested")).toHaveLength(questions);
    expect(host.calls.map(({ tool }) => tool)).toEqual(["act", "act", "other"]);
  });

  it("covers no other execution", async () => {
    await using _ = start();
    const first = await run([{ toolCalls: [ACT] }, { text: "ok" }]);
    await decide(daemon.client, await asked(first), { scope: ApprovalScope.SERVER });
    await untilEnd(daemon.client, first);

    const second = await run([{ toolCalls: [ACT] }, { text: "ok" }]);

    expect((await get(await asked(second))).spec?.cause).toBe(ApprovalCause.POLICY);
  });

  it("does not cover a call whose outcome was lost", async () => {
    const runner = await tend(daemon.client);
    const id = idOf(await execute(daemon.client, { model: daemon.script([]) }));
    const { lease, told } = await runner.begin(id, ApprovalScope.SERVER);
    const { instance } = runner.line;

    const back = await tend(daemon.client, { instance, running: [lease] }); // it does not know of the call
    const lost = await refused(told);
    const again = await callTool(daemon.client, lease, { name: "files__act" });
    const approval = await get(again.case === "parked" ? again.value.approvalId : "");

    expect(lost.reason).toBe("RUNNER_NOT_CONNECTED");
    expect(approval.spec?.cause).toBe(ApprovalCause.UNCERTAIN);
    expect(back.line.heard.filter(({ case: kind }) => kind === "callTool")).toEqual([]);
  });
});

describe("several calls of one turn that a person has to approve", () => {
  const CALLS = ["a", "b", "c"].map((path) =>
    create(ToolCallSchema, { id: path, name: "files__act", arguments: JSON.stringify({ path }) }),
  );
  const together: AgentLoop = async (context) => {
    await context.listTools();
    const results: string[] = [];
    for (const [at, call] of CALLS.entries()) {
      const planned = CALLS.slice(at + 1).map((one) => ({ stepKey: one.id, call: one }));
      results.push((await context.callTool(call.id, call, { planned })).content);
    }
    return results.join(" ");
  };

  it("are asked about at once, and decided in any order", async () => {
    await using _ = start(together);
    const id = await run([]);
    const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);
    const ids = status?.approvalIds ?? [];

    for (const approvalId of [...ids].reverse()) await decide(daemon.client, approvalId);
    const ended = await untilEnd(daemon.client, id);

    const events = await eventsOf(daemon.client, id);
    expect(ids).toHaveLength(3);
    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "done done done", approvalIds: [] });
    expect(valuesOf(events, "approvalRequested")).toHaveLength(3);
    expect(host.calls.map((call) => call.arguments)).toEqual(['{"path":"a"}', '{"path":"b"}', '{"path":"c"}']);
  });

  it("are each decided for themselves", async () => {
    await using _ = start(together);
    const id = await run([]);
    const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);
    const [first = "", second = "", third = ""] = status?.approvalIds ?? [];

    await decide(daemon.client, first, { decision: ApprovalDecision.REJECTED });
    await decide(daemon.client, third);
    await decide(daemon.client, second, { decision: ApprovalDecision.SKIPPED });
    await untilEnd(daemon.client, id);

    expect(host.calls.map((call) => call.arguments)).toEqual(['{"path":"c"}']);
    expect((await resultsOf(id)).map((result) => result?.isError)).toEqual([true, false, false]);
  });

  it("are not asked about where one approval covers them all", async () => {
    await using _ = start(chatLoop);
    const calls = ["a", "b"].map((path) => ({ ...ACT, arguments: { path } }));
    const id = await run([{ toolCalls: calls }, { text: "ok" }]);

    await decide(daemon.client, await asked(id), { scope: ApprovalScope.TOOL });

    expect((await untilEnd(daemon.client, id)).status?.output).toBe("ok");
    expect(host.calls).toHaveLength(2);
  });
});

describe("an approval that nobody decides in time", () => {
  async function waiting(onTimeout?: ApprovalExpiry): Promise<{ readonly id: string; readonly approvalId: string }> {
    const approvals = { timeout: { seconds: 60n }, ...(onTimeout && { onTimeout }) };
    await createAgent(daemon.client, { name: "timed", servers: ["files"], spec: { approvals } });
    const id = await run([{ toolCalls: [ACT] }, { text: "ok" }], "timed");
    return { id, approvalId: await asked(id) };
  }

  async function untilEscalated(id: string): Promise<void> {
    await eventsUntil(daemon.client, id, ({ event }) => event.case === "approvalEscalated");
  }

  it.each([[undefined], [ApprovalExpiry.DENY]])("is a no, which the model is told (%s)", async (onTimeout) => {
    await using _ = start();
    const { id, approvalId } = await waiting(onTimeout);

    clock.step(MINUTE_MS);
    const ended = await untilEnd(daemon.client, id);

    expect((await get(approvalId)).status).toMatchObject({ decision: ApprovalDecision.EXPIRED, decidedBy: "system" });
    expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "ok", approvalIds: [] });
    expect(await resultsOf(id)).toMatchObject([{ isError: true }]);
    expect(host.calls).toEqual([]);
  });

  it("is escalated, and after as long again a no", async () => {
    await using _ = start();
    const { id, approvalId } = await waiting(ApprovalExpiry.ESCALATE);
    const before = await get(approvalId);

    clock.step(MINUTE_MS);
    await untilEscalated(id);
    const escalated = await get(approvalId);
    clock.step(MINUTE_MS);
    await untilEnd(daemon.client, id);

    expect(escalated.status).toMatchObject({ decision: ApprovalDecision.UNSPECIFIED, escalateTime: expect.anything() });
    expect(escalated.spec?.expireTime?.seconds).toBeGreaterThan(before.spec?.expireTime?.seconds ?? 0n);
    expect((await get(approvalId)).status).toMatchObject({
      decision: ApprovalDecision.EXPIRED,
      escalateTime: expect.anything(),
    });
    expect(host.calls).toEqual([]);
  });

  it("is escalated, and can be decided then", async () => {
    await using _ = start();
    const { id, approvalId } = await waiting(ApprovalExpiry.ESCALATE);

    clock.step(MINUTE_MS);
    await untilEscalated(id);
    await decide(daemon.client, approvalId);
    await untilEnd(daemon.client, id);

    expect(host.calls).toHaveLength(1);
  });

  it("stays open for ever where it shall", async () => {
    await using _ = start();
    const { id, approvalId } = await waiting(ApprovalExpiry.STAY);

    clock.step(MINUTE_MS);
    await untilEscalated(id);
    clock.step(1_000 * MINUTE_MS);
    const open = await get(approvalId);
    await decide(daemon.client, approvalId);
    await untilEnd(daemon.client, id);

    expect(open.spec?.expireTime).toBeUndefined();
    expect(open.status?.decision).toBe(ApprovalDecision.UNSPECIFIED);
    expect(host.calls).toHaveLength(1);
  });

  it("can't be decided any more, whether that was noticed or not", async () => {
    await using _ = start();
    const { approvalId } = await waiting();

    clock.step(MINUTE_MS);
    const fault = await refused(decide(daemon.client, approvalId));

    expect(fault).toMatchObject({ reason: "APPROVAL_DECIDED", facts: { decision: "EXPIRED" } });
  });

  it("expires while the daemon is down", async () => {
    await using _ = start();
    const { id, approvalId } = await waiting();

    await daemon.stop();
    clock.step(MINUTE_MS);
    await daemon.start();
    await untilEnd(daemon.client, id);

    expect((await get(approvalId)).status?.decision).toBe(ApprovalDecision.EXPIRED);
  });

  it("and is decided at that moment has one answer", async () => {
    await using _ = start();
    const { id, approvalId } = await waiting();

    clock.step(MINUTE_MS - 5);
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => decide(daemon.client, approvalId)));
    clock.step(MINUTE_MS);
    await untilEnd(daemon.client, id);
    const { decision } = (await get(approvalId)).status ?? {};

    const isApproved = decision === ApprovalDecision.APPROVED;
    expect(answers.some(({ status }) => status === "fulfilled")).toBe(isApproved);
    expect(host.calls).toHaveLength(isApproved ? 1 : 0);
    expect(valuesOf(await eventsOf(daemon.client, id), "approvalDecided")).toMatchObject([{ decision }]);
  });
});

it("leaves an execution that waits with nothing to wait for but the approval", async () => {
  await using _ = start();
  const id = await run([{ toolCalls: [ACT] }, { text: "ok" }]);
  const approvalId = await asked(id);

  const { status } = await daemon.client.service(AgentExecutionQueryController).get({ id });

  expect(status).toMatchObject({ approvalId, approvalIds: [approvalId], subExecutionId: "" });
});
