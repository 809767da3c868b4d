import {
  AgentExecutionCommandController,
  ApprovalCause,
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalQueryController,
  type CallTool,
  type Lease,
  ExecutionPhase as Phase,
  RunnerRole,
} from "@stigmer/contracts/agentic";
import { ToolController } from "@stigmer/contracts/capability";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callTool } from "./driven.fake.ts";
import { eventsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf, type RunnerLine } from "./runner-line.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const ACT = { name: "files__act" };

let daemon: TestDaemon;

beforeEach(async () => {
  daemon = await startTestDaemon({ drainMs: 0 });
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { servers: ["files"], model: daemon.script([]) });
});
afterEach(() => daemon[Symbol.asyncDispose]());

describe("a runner that is lost in a destructive call", () => {
  it("leaves the call uncertain: a person is asked, and it is made again where they say so", async () => {
    const { lease, call, tools } = await begunCall();
    const cut = refused(call);

    const back = await connectRunner(daemon.client, hosting(tools.instance)); // it does not know of the call
    const parked = await callTool(daemon.client, lease, ACT);
    const approval = await approvalOf(parked);
    await decide(approval.id, ApprovalDecision.APPROVED);
    const next = await assigned();
    const again = callTool(daemon.client, next, ACT);
    const made = await back.next("callTool");
    end(back, made, "done after all");

    expect(await cut).toMatchObject({ kind: "unavailable", reason: "RUNNER_NOT_CONNECTED" });
    expect(approval.spec?.cause).toBe(ApprovalCause.UNCERTAIN);
    expect(made).toMatchObject({ call: { attempt: 2 }, idempotencyKey: `${lease.executionId}/tool` });
    expect(await again).toMatchObject({ case: "result", value: { content: "done after all", isError: false } });
  });

  it("leaves the call uncertain: where a person says no, the model is told that it may have had its effect", async () => {
    const { lease, call, tools } = await begunCall();
    const cut = refused(call);
    await connectRunner(daemon.client, hosting(tools.instance));
    const { id } = await approvalOf(await callTool(daemon.client, lease, ACT));

    await decide(id, ApprovalDecision.REJECTED, "look first");
    await cut;

    expect(await callTool(daemon.client, await assigned(), ACT)).toMatchObject({
      case: "result",
      value: {
        isError: true,
        content: "the answer to this call was lost, so it may have had its effect; it is not made again: look first",
      },
    });
  });
});

describe("a runner that is lost in a call that may be made again", () => {
  it.each([
    ["read-only", '{"readOnlyHint":true}'],
    ["idempotent", '{"idempotentHint":true}'],
  ])("costs a try and no question: %s", async (_, annotations) => {
    const { lease, call, tools, first } = await begunCall(annotations);
    const cut = refused(call);

    const back = await connectRunner(daemon.client, hosting(tools.instance));
    const again = callTool(daemon.client, lease, ACT);
    const made = await back.next("callTool");
    end(back, made, "second try");

    expect((await cut).reason).toBe("RUNNER_NOT_CONNECTED");
    expect(await again).toMatchObject({ case: "result", value: { content: "second try" } });
    expect(made.idempotencyKey).toBe(first.idempotencyKey);
    expect(made.call?.attempt).toBe((first.call?.attempt ?? 0) + 1);
  });
});

describe("a runner that comes back", () => {
  it("ends the call that it still makes", async () => {
    const { call, tools, first } = await begunCall();

    await tools.hangUp();
    const back = await connectRunner(daemon.client, { ...hosting(tools.instance), calls: callsOf(first) });
    end(back, first, "still here");
    const { message } = await back.next("acknowledged");

    expect(await call).toMatchObject({ case: "result", value: { content: "still here" } });
    expect(message).toMatchObject({ case: "call", value: { stepKey: "tool" } });
    expect(back.heard.filter(({ case: kind }) => kind === "callTool")).toEqual([]);
  });

  it("ends the call that it made while the daemon was away", async () => {
    const { lease, call, tools, first, agent } = await begunCall();
    const cut = refused(call);

    await daemon.stop();
    await daemon.start();
    await connectRunner(daemon.client, { ...driving(agent.instance), running: [lease] });
    const again = callTool(daemon.client, lease, ACT);
    const back = await connectRunner(daemon.client, { ...hosting(tools.instance), calls: callsOf(first) });
    end(back, first, "done meanwhile");

    expect(await cut).toMatchObject({ reason: "SHUTTING_DOWN" });
    expect(await again).toMatchObject({ case: "result", value: { content: "done meanwhile" } });
    expect(tools.heard.filter(({ case: kind }) => kind === "cancelTool")).toEqual([]);
    expect(back.heard.filter(({ case: kind }) => kind === "callTool")).toEqual([]);
    expect(valuesOf(await eventsOf(daemon.client, lease.executionId), "toolCallStarted")).toHaveLength(1);
    expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  });

  it("has the end of a call acknowledged that nobody waits for any more", async () => {
    const { lease, call, tools, first } = await begunCall();
    const cut = refused(call);
    await daemon.client.service(AgentExecutionCommandController).terminate({ id: lease.executionId });
    const stopped = await tools.next("cancelTool");

    const back = await connectRunner(daemon.client, { ...hosting(tools.instance), calls: callsOf(first) });
    end(back, first, "too late");
    const { message } = await back.next("acknowledged");

    expect((await cut).reason).toBe("LEASE_FENCED");
    expect(stopped.call?.stepKey).toBe("tool");
    expect(message).toMatchObject({ case: "call", value: { executionId: lease.executionId } });
    expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  });
});

it("has the outcome of its call recorded where the execution is cancelled meanwhile, which ends then", async () => {
  const { lease, call, tools, first } = await begunCall();

  const cancelling = await daemon.client.service(AgentExecutionCommandController).cancel({ id: lease.executionId });
  const stopped = await tools.next("cancelTool");
  const back = await connectRunner(daemon.client, { ...hosting(tools.instance), calls: callsOf(first) });
  end(back, first, "stopped half-way");
  await back.next("acknowledged");
  const ended = await untilEnd(daemon.client, lease.executionId);

  expect(cancelling.status).toMatchObject({ phase: Phase.RUNNING, cancelDeadline: expect.anything() });
  expect(stopped.call?.stepKey).toBe("tool");
  expect(await call).toMatchObject({ case: "result", value: { content: "stopped half-way" } });
  expect(ended.status?.phase).toBe(Phase.CANCELLED);
  const [finished] = valuesOf(await eventsOf(daemon.client, lease.executionId), "toolCallFinished");
  expect(finished?.result?.content).toBe("stopped half-way");
});

it("takes the end of a call from the runner that makes it, and from no other", async () => {
  const { call, tools, first } = await begunCall();
  const stranger = await connectRunner(daemon.client, { name: "stranger", roles: [RunnerRole.TOOLS] });

  end(stranger, first, "forged");
  const lease = { executionId: "aex_none", epoch: 1n };
  stranger.send({ case: "attemptFinished", value: { lease, outcome: { case: "parked", value: true } } });
  await stranger.next("acknowledged"); // so the forged end was taken too
  end(tools, first, "true");

  expect(await call).toMatchObject({ value: { content: "true" } });
});

it("asks another runner for the tools where the one that reads them is lost", async () => {
  const agent = await connectRunner(daemon.client, driving());
  await execute(daemon.client);
  const lease = leaseOf(await agent.next("assignment"));
  const tools = await connectRunner(daemon.client, hosting());
  const cut = refused(listTools(lease));
  await tools.next("startServer");

  const back = await connectRunner(daemon.client, hosting(tools.instance));
  const listing = listTools(lease);
  offer(back, await back.next("startServer"), "");

  expect(await cut).toMatchObject({ kind: "unavailable", reason: "RUNNER_NOT_CONNECTED" });
  expect((await listing).tools.map(({ name }) => name)).toEqual(["files__act"]);
});

it("frees the slot of an execution that is parked, before its runner says so, and only that one", async () => {
  const line = await connectRunner(daemon.client, { slots: 1 });
  const parked = idOf(await execute(daemon.client));
  const first = leaseOf(await line.next("assignment"));
  const listing = listTools(first);
  offer(line, await line.next("startServer"), "");
  await listing;

  const { id } = await approvalOf(await callTool(daemon.client, first, ACT));
  await decide(id, ApprovalDecision.APPROVED);
  const second = leaseOf(await line.next("assignment"));
  line.send({ case: "attemptFinished", value: { lease: first, outcome: { case: "parked", value: true } } });
  await line.next("acknowledged");
  const other = await connectRunner(daemon.client, { name: "other" });
  const started = idOf(await execute(daemon.client));
  const third = leaseOf(await other.next("assignment"));

  expect(second).toMatchObject({ executionId: parked, epoch: 2n });
  expect(third.executionId).toBe(started);
  expect(line.heard.filter(({ case: kind }) => kind === "assignment")).toHaveLength(2);
});

let agents: RunnerLine;

/** A call that a runner has got, made by a loop that another runner drives; a person has approved the tool. */
async function begunCall(annotations = "") {
  agents = await connectRunner(daemon.client, driving());
  const id = idOf(await execute(daemon.client));
  const opening = leaseOf(await agents.next("assignment"));
  const tools = await connectRunner(daemon.client, hosting());
  const listing = listTools(opening);
  offer(tools, await tools.next("startServer"), annotations);
  await listing;
  const parked = await approvalOf(await callTool(daemon.client, opening, ACT));
  await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);
  await decide(parked.id, ApprovalDecision.APPROVED);
  const lease = await assigned();
  const call = callTool(daemon.client, lease, ACT);
  call.catch(() => {}); // each test says how it ends
  return { lease, call, tools, agent: agents, first: await tools.next("callTool") };
}

async function listTools({ executionId, epoch }: Lease) {
  return await daemon.client.service(ToolController).list({ executionId, epoch });
}

async function assigned() {
  return leaseOf(await agents.next("assignment"));
}

function driving(instance?: string) {
  return { name: "agents", roles: [RunnerRole.AGENT], ...(instance && { instance }) };
}

function hosting(instance?: string) {
  return { name: "tools", roles: [RunnerRole.TOOLS], ...(instance && { instance }) };
}

function callsOf({ call }: CallTool) {
  return call ? [call] : [];
}

function offer(line: RunnerLine, { requestId }: { readonly requestId: string }, annotations: string): void {
  const tool = { tool: "act", description: "acts", inputSchema: "{}", annotations };
  line.send({ case: "serverStarted", value: { requestId, tools: [tool] } });
}

function end(line: RunnerLine, { call }: CallTool, content: string): void {
  if (call) line.send({ case: "toolCallEnded", value: { call, result: { content } } });
}

async function approvalOf(answer: Awaited<ReturnType<typeof callTool>>) {
  const id = answer.case === "parked" ? answer.value.approvalId : "";
  const { spec } = await daemon.client.service(ApprovalQueryController).get({ id });
  return { id, spec };
}

async function decide(id: string, decision: ApprovalDecision, comment = "") {
  return await daemon.client.service(ApprovalCommandController).decide({ id, decision, comment });
}
