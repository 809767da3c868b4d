import {
  ApprovalCause,
  ApprovalQueryController,
  type CallTool,
  type Lease,
  RunnerRole,
} from "@stigmer/contracts/agentic";
import { ToolController } from "@stigmer/contracts/capability";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide } from "./commands.fake.ts";
import { callTool } from "./driven.fake.ts";
import { adds, createIntruder, type Intruder } from "./intruder.fake.ts";
import { eventsOf, valuesOf } from "./journal.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf, type RunnerLine } from "./runner-line.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const ACT = { name: "files__act" };

let daemon: TestDaemon;
let intruder: Intruder;

beforeEach(async () => {
  intruder = createIntruder();
  daemon = await startTestDaemon({ openStore: intruder.openStore, drainMs: 0 });
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { servers: ["files"], model: daemon.script([]) });
});
afterEach(() => daemon[Symbol.asyncDispose]());

describe("a runner that goes before it was handed a call", () => {
  it("is not waited for: the next one makes the call, and nobody is asked again", async () => {
    const { lease, tools } = await approvedCall();
    intruder.beforeCommit(adds("toolCallStarted"), () => tools.hangUp());

    const told = callTool(daemon.client, lease, ACT);
    await eventWith(lease, "toolCallStarted");
    const next = await connectRunner(daemon.client, { name: "next", roles: [RunnerRole.TOOLS] });
    const made = await next.next("callTool");
    end(next, made, "done");

    expect(await told).toMatchObject({ case: "result", value: { content: "done" } });
    expect(made.call?.attempt).toBe(2);
    expect(valuesOf(await eventsOf(daemon.client, lease.executionId), "approvalRequested")).toHaveLength(1);
  });

  it("is handed it where it has only come back on another line", async () => {
    const { lease, tools } = await approvedCall();
    let back: RunnerLine | undefined;
    intruder.beforeCommit(adds("toolCallStarted"), async () => {
      back = await connectRunner(daemon.client, { ...HOST, instance: tools.instance });
    });

    const told = callTool(daemon.client, lease, ACT);
    await eventWith(lease, "toolCallStarted");
    const made = await back?.next("callTool");
    if (back && made) end(back, made, "done");

    expect(await told).toMatchObject({ case: "result", value: { content: "done" } });
    expect(made?.call?.attempt).toBe(1);
  });
});

it("is not handed a call again that it made and no longer knows of: a person is asked", async () => {
  const { lease, tools, agents } = await approvedCall();
  const cut = refused(callTool(daemon.client, lease, ACT));
  const first = await tools.next("callTool");
  await daemon.stop();
  await daemon.start();
  await cut;
  await connectRunner(daemon.client, { ...DRIVER, instance: agents.instance, running: [lease] });
  const calls = first.call ? [first.call] : [];
  await connectRunner(daemon.client, { ...HOST, instance: tools.instance, calls });
  let back: RunnerLine | undefined;
  const isTakenUp = (batch: object): boolean => Object.keys(batch).length === 0;
  intruder.beforeCommit(isTakenUp, async () => {
    back = await connectRunner(daemon.client, { ...HOST, instance: tools.instance });
  });

  const lost = await refused(callTool(daemon.client, lease, ACT));
  const parked = await callTool(daemon.client, lease, ACT);

  const id = parked.case === "parked" ? parked.value.approvalId : "";
  const { spec } = await daemon.client.service(ApprovalQueryController).get({ id });
  expect(lost.reason).toBe("RUNNER_NOT_CONNECTED");
  expect(spec?.cause).toBe(ApprovalCause.UNCERTAIN);
  expect(back?.heard.map(({ case: kind }) => kind)).toEqual(["welcome"]);
});

it("does not keep others waiting where one execution can't be handed out", async () => {
  const stored = Promise.withResolvers<void>();
  intruder.beforeCommit(adds("leaseGranted"), () => stored.promise);
  const ids = [idOf(await execute(daemon.client)), idOf(await execute(daemon.client))];

  const one = await connectRunner(daemon.client, { name: "one", slots: 1 });
  const other = await connectRunner(daemon.client, { name: "other", slots: 1 });
  const second = leaseOf(await other.next("assignment"));
  stored.resolve();
  const first = leaseOf(await one.next("assignment"));

  expect([first.executionId, second.executionId]).toEqual(ids);
});

const DRIVER = { name: "agents", roles: [RunnerRole.AGENT] };
const HOST = { name: "tools", roles: [RunnerRole.TOOLS] };

/** A lease whose next call of `act` a person has approved, and who drives and hosts it. */
async function approvedCall() {
  const agents = await connectRunner(daemon.client, DRIVER);
  await execute(daemon.client);
  const opening = leaseOf(await agents.next("assignment"));
  const tools = await connectRunner(daemon.client, HOST);
  const { executionId, epoch } = opening;
  const listing = daemon.client.service(ToolController).list({ executionId, epoch });
  const { requestId } = await tools.next("startServer");
  const tool = { tool: "act", description: "acts", inputSchema: "{}" };
  tools.send({ case: "serverStarted", value: { requestId, tools: [tool] } });
  await listing;
  const parked = await callTool(daemon.client, opening, ACT);
  await decide(daemon.client, parked.case === "parked" ? parked.value.approvalId : "");
  return { lease: leaseOf(await agents.next("assignment")), agents, tools };
}

function end(line: RunnerLine, { call }: CallTool, content: string): void {
  if (call) line.send({ case: "toolCallEnded", value: { call, result: { content } } });
}

async function eventWith({ executionId }: Lease, kind: "toolCallStarted") {
  for (;;) {
    const [found] = valuesOf(await eventsOf(daemon.client, executionId), kind);
    if (found) return found;
  }
}
