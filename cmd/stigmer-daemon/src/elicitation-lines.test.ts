import {
  type Approval,
  ApprovalCause,
  ApprovalDecision,
  ApprovalExpiry,
  ApprovalQueryController,
  type CallTool,
  ElicitationAction,
  type Lease,
  ExecutionPhase as Phase,
  RunnerRole,
  type RunningCall,
} from "@stigmer/contracts/agentic";
import { ToolController } from "@stigmer/contracts/capability";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide } from "./commands.fake.ts";
import { callTool } from "./driven.fake.ts";
import { eventsOf, eventsUntil, untilPhase, valuesOf } from "./journal.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf, type RunnerLine } from "./runner-line.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const ACT = { name: "files__act" };
const FORM = '{"type":"object","properties":{"color":{"type":"string"}},"required":["color"]}';
const MINUTE_MS = 60_000;

let daemon: TestDaemon;
let clock: SteppedClock;
let agents: RunnerLine;
let tools: RunnerLine;

beforeEach(async () => {
  clock = createSteppedClock();
  daemon = await startTestDaemon({ clock, drainMs: 0 });
  await createServer(daemon.client, "files");
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await daemon[Symbol.asyncDispose]();
});

type Begun = {
  readonly id: string;
  readonly lease: Lease;
  readonly told: ReturnType<typeof callTool>;
  readonly call: RunningCall;
};

/** A call that a runner has got, made by a loop that another runner drives; a person has approved it. */
async function begun(spec: Parameters<typeof createAgent>[1] = {}): Promise<Begun> {
  await createAgent(daemon.client, { servers: ["files"], model: daemon.script([{ text: "said" }]), ...spec });
  agents = await connectRunner(daemon.client, { name: "agents", roles: [RunnerRole.AGENT] });
  const id = idOf(await execute(daemon.client));
  const opening = leaseOf(await agents.next("assignment"));
  tools = await connectRunner(daemon.client, hosting());
  const { executionId, epoch } = opening;
  const listing = daemon.client.service(ToolController).list({ executionId, epoch });
  const { requestId } = await tools.next("startServer");
  const tool = { tool: "act", description: "acts", inputSchema: "{}" };
  tools.send({ case: "serverStarted", value: { requestId, tools: [tool] } });
  await listing;
  const parked = await callTool(daemon.client, opening, ACT);
  await decide(daemon.client, parked.case === "parked" ? parked.value.approvalId : "");
  const lease = leaseOf(await agents.next("assignment"));
  const told = callTool(daemon.client, lease, ACT);
  told.catch(() => {}); // each test says how it ends
  return { id, lease, told, call: callOf(await tools.next("callTool")) };
}

function hosting(instance?: string) {
  return { name: "tools", roles: [RunnerRole.TOOLS], ...(instance && { instance }) };
}

function callOf({ call }: CallTool): RunningCall {
  if (!call) throw new Error("the call has no name");
  return call;
}

function ask(line: RunnerLine, call: RunningCall, elicitationId = "q1"): void {
  line.send({ case: "elicitationAsked", value: { call, elicitationId, message: "Which color?", schema: FORM } });
}

/** The newest question of the server. */
async function question(id: string, nth = 1): Promise<Approval> {
  let left = nth;
  const events = await eventsUntil(
    daemon.client,
    id,
    ({ event }) =>
      event.case === "approvalRequested" && event.value.spec?.cause === ApprovalCause.ELICITATION && --left === 0,
  );
  const { approvalId = "" } = valuesOf(events, "approvalRequested").at(-1) ?? {};
  return await get(approvalId);
}

async function get(id: string): Promise<Approval> {
  return await daemon.client.service(ApprovalQueryController).get({ id });
}

async function questionsOf(id: string) {
  const asked = valuesOf(await eventsOf(daemon.client, id), "approvalRequested");
  return asked.filter(({ spec }) => spec?.cause === ApprovalCause.ELICITATION);
}

const CONTENT = '{"color":"red"}';
const ACCEPTED = { elicitationId: "q1", action: ElicitationAction.ACCEPT, content: CONTENT };
const NOBODY = { elicitationId: "q1", action: ElicitationAction.CANCEL, content: "" };

describe("a question of a tool server", () => {
  it("ends the stream of whoever waits for the call with the approval, and takes the lease back", async () => {
    const { id, told, call } = await begun();

    ask(tools, call);
    const answer = await told;

    const { metadata } = await question(id);
    expect(answer).toMatchObject({ case: "parked", value: { approvalId: metadata?.id } });
    expect((await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL, 2)).status?.approvalIds).toEqual([
      metadata?.id,
    ]);
  });

  it("is put to people once, however often the runner asks", async () => {
    const { id, told, call } = await begun();

    ask(tools, call);
    await told;
    ask(tools, call);
    ask(tools, { ...call, stepKey: "nowhere" });
    await tools.next("elicitationAnswer"); // the others were taken before

    expect(await questionsOf(id)).toHaveLength(1);
  });

  it("that was decided while its runner was away is answered when it asks again, and each time that it does", async () => {
    const { id, told, call } = await begun();
    ask(tools, call);
    await told;
    const { instance } = tools;
    await tools.hangUp();

    await decide(daemon.client, idOf(await question(id)), { arguments: CONTENT });
    tools = await connectRunner(daemon.client, { ...hosting(instance), calls: [call] });
    ask(tools, call);
    const first = await tools.next("elicitationAnswer");
    ask(tools, call);
    const second = await tools.next("elicitationAnswer");

    expect([first, second]).toMatchObject([ACCEPTED, ACCEPTED]);
  });

  it("goes on with the same call when it is answered: its end is the outcome, and it is not made again", async () => {
    const { id, told, call } = await begun();
    ask(tools, call);
    await told;

    await decide(daemon.client, idOf(await question(id)), { arguments: CONTENT });
    const answer = await tools.next("elicitationAnswer");
    const lease = leaseOf(await agents.next("assignment"));
    const again = callTool(daemon.client, lease, ACT);
    tools.send({ case: "toolCallEnded", value: { call, result: { content: "red it is" } } });

    expect(answer).toMatchObject({ call, ...ACCEPTED });
    expect(await again).toMatchObject({ case: "result", value: { content: "red it is" } });
    expect(tools.heard.filter(({ case: kind }) => kind === "callTool")).toHaveLength(1);
  });

  it("is withdrawn where the runner dies that makes the call, which then is uncertain: a person is asked about that", async () => {
    const { id, told, call } = await begun();
    ask(tools, call);
    await told;
    const { metadata } = await question(id);

    tools = await connectRunner(daemon.client, hosting()); // another process of the same name: the one before has ended
    const lease = leaseOf(await agents.next("assignment"));
    const again = await callTool(daemon.client, lease, ACT);

    const asked = await get(again.case === "parked" ? again.value.approvalId : "");
    expect((await get(metadata?.id ?? "")).status?.decision).toBe(ApprovalDecision.WITHDRAWN);
    expect(asked.spec).toMatchObject({ cause: ApprovalCause.UNCERTAIN, tool: "act" });
  });

  it("that is answered though its runner never came back after a start of the daemon leaves the call uncertain", async () => {
    const { id, told, call } = await begun();
    ask(tools, call);
    await told;
    const approval = await question(id);

    await daemon.stop();
    await daemon.start();
    clock.step(MINUTE_MS); // nobody is awaited any more
    await decide(daemon.client, idOf(approval), { arguments: CONTENT });
    agents = await connectRunner(daemon.client, { name: "agents", roles: [RunnerRole.AGENT] });
    tools = await connectRunner(daemon.client, { ...hosting(), name: "others" });
    const lease = leaseOf(await agents.next("assignment"));
    const again = await callTool(daemon.client, lease, ACT);

    expect((await get(again.case === "parked" ? again.value.approvalId : "")).spec?.cause).toBe(
      ApprovalCause.UNCERTAIN,
    );
  });

  it("expires as any approval does: the server is told that nobody answered", async () => {
    const approvals = { timeout: { seconds: 60n }, onTimeout: ApprovalExpiry.DENY };
    const { id, told, call } = await begun({ spec: { approvals } });
    ask(tools, call);
    await told;
    const { metadata } = await question(id);

    clock.step(2 * MINUTE_MS);

    expect(await tools.next("elicitationAnswer")).toMatchObject(NOBODY);
    expect((await get(metadata?.id ?? "")).status?.decision).toBe(ApprovalDecision.EXPIRED);
  });

  it.each<[string, (call: RunningCall) => RunningCall]>([
    ["a try that is over", (call) => ({ ...call, attempt: call.attempt + 1 })],
    ["a step that is none", (call) => ({ ...call, stepKey: "nowhere" })],
    ["an execution that there is none of", (call) => ({ ...call, executionId: "aex_none" })],
  ])("of %s is put to nobody", async (_, wrong) => {
    const { id, call } = await begun();

    ask(tools, wrong(call));

    expect(await tools.next("elicitationAnswer")).toMatchObject(NOBODY);
    expect(await questionsOf(id)).toEqual([]);
  });

  it("of a runner that does not make the call is put to nobody", async () => {
    const { id, call } = await begun();
    const other = await connectRunner(daemon.client, { name: "other", roles: [RunnerRole.TOOLS] });

    ask(other, call);

    expect(await other.next("elicitationAnswer")).toMatchObject(NOBODY);
    expect(await questionsOf(id)).toEqual([]);
  });
});
