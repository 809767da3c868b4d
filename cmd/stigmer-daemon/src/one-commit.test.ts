import {
  AgentExecutionQueryController,
  ApprovalDecision,
  ApprovalExpiry,
  ApprovalQueryController,
  type Lease,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide, tell } from "./commands.fake.ts";
import { callTool } from "./driven.fake.ts";
import { adds, createIntruder, type Intruder } from "./intruder.fake.ts";
import { eventsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { type Tended, tend } from "./tended.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const MINUTE_MS = 60_000;
const ACT = { name: "files__act" };

let daemon: TestDaemon;
let clock: SteppedClock;
let intruder: Intruder;
let runner: Tended;

beforeEach(async () => {
  clock = createSteppedClock();
  intruder = createIntruder();
  daemon = await startTestDaemon({ clock, openStore: intruder.openStore, drainMs: 0 });
  await createServer(daemon.client, "files");
  const model = daemon.script([{ text: "said" }]);
  await createAgent(daemon.client, { name: "worker", model });
  const approvals = { timeout: { seconds: 60n }, onTimeout: ApprovalExpiry.DENY };
  const spec = { subAgents: [{ agent: "worker" }], askUser: true, approvals };
  await createAgent(daemon.client, { model, servers: ["files"], spec });
  runner = await tend(daemon.client);
});
afterEach(() => daemon[Symbol.asyncDispose]());

async function begin(): Promise<{ readonly id: string; readonly lease: Lease }> {
  const id = idOf(await execute(daemon.client));
  return { id, lease: await runner.lease(id) };
}

/** An execution that waits for a person to decide about a call. */
async function asking(): Promise<{ readonly id: string; readonly approvalId: string }> {
  const { id, lease } = await begin();
  await runner.list(lease);
  return { id, approvalId: approvalOf(await callTool(daemon.client, lease, ACT)) };
}

/** An execution that waits for a sub-agent, which a runner drives. */
async function delegating(): Promise<{ readonly id: string; readonly child: Lease }> {
  const { id, lease } = await begin();
  await runner.list(lease);
  await delegate(lease);
  return { id, child: await runner.lease(await childOf(id)) };
}

function delegate(lease: Lease) {
  return callTool(daemon.client, lease, { name: "agent__worker", arguments: '{"message":"do it"}' });
}

async function childOf(id: string): Promise<string> {
  return valuesOf(await eventsOf(daemon.client, id), "subAgentStarted")[0]?.executionId ?? "";
}

function approvalOf(answer: Awaited<ReturnType<typeof callTool>>): string {
  return answer.case === "parked" ? answer.value.approvalId : "";
}

/** The daemon stores nothing after the commit that adds such an event; it is started again, `later`, and so is its runner. */
async function endsAfter(event: Parameters<typeof adds>[0], run: () => unknown, later = 0): Promise<void> {
  const stored = new Promise<void>((resolve) => intruder.endAfter(adds(event), resolve));
  await Promise.allSettled([run(), stored]);
  await daemon.stop();
  clock.step(later);
  await daemon.start();
  runner = await tend(daemon.client);
}

describe("after a commit that was the last of its daemon", () => {
  it("an execution that it started is handed out", async () => {
    let id = "";
    await endsAfter("created", async () => {
      id = idOf(await execute(daemon.client));
    });

    expect((await runner.lease(id)).epoch).toBe(1n);
  });

  it("an execution goes on about which a person has decided", async () => {
    const { id, approvalId } = await asking();
    await endsAfter("approvalDecided", () => decide(daemon.client, approvalId));

    expect((await runner.lease(id)).epoch).toBe(2n);
  });

  it("an approval that was asked for has its time", async () => {
    const { lease } = await begin();
    await runner.list(lease);
    let approvalId = "";
    const ask = async (): Promise<void> => {
      approvalId = approvalOf(await callTool(daemon.client, lease, ACT));
    };
    await endsAfter("approvalRequested", ask, MINUTE_MS + 1);

    await runner.lease(lease.executionId);
    const { status } = await daemon.client.service(ApprovalQueryController).get({ id: approvalId });
    expect(status?.decision).toBe(ApprovalDecision.EXPIRED);
  });

  it("an execution goes on that a user has answered", async () => {
    const { id, lease } = await begin();
    await runner.list(lease);
    await callTool(daemon.client, lease, { name: "ask_user", arguments: '{"question":"which?"}' });
    await endsAfter("inputProvided", () => tell(daemon.client, "provideInput", id));

    expect((await runner.lease(id)).epoch).toBe(2n);
  });

  it("an execution goes on that is retried", async () => {
    const { id, lease } = await begin();
    runner.fail(lease);
    await untilEnd(daemon.client, id);
    await endsAfter("retried", () => tell(daemon.client, "retry", id));

    expect((await runner.lease(id)).epoch).toBe(2n);
  });

  it("an execution goes on that is resumed", async () => {
    const { id } = await begin();
    await tell(daemon.client, "pause", id);
    await endsAfter("phaseChanged", () => tell(daemon.client, "resume", id));

    expect((await runner.lease(id)).epoch).toBe(2n);
  });

  it("the next of a session has its turn", async () => {
    const first = await execute(daemon.client);
    const lease = await runner.lease(idOf(first));
    const next = idOf(await execute(daemon.client, { sessionId: first.status?.sessionId ?? "" }));
    await endsAfter("phaseChanged", () => runner.finish(lease, "done"));

    expect((await runner.lease(next)).epoch).toBe(1n);
  });

  it("a sub-agent works for whom it was started", async () => {
    const { id, lease } = await begin();
    await runner.list(lease);
    await endsAfter("subAgentStarted", () => delegate(lease));

    expect((await runner.lease(await childOf(id))).epoch).toBe(1n);
  });

  it("an execution goes on whose sub-agent has ended", async () => {
    const { id, child } = await delegating();
    await endsAfter("subAgentEnded", () => runner.finish(child, "done"));

    expect((await runner.lease(id)).epoch).toBe(2n);
  });

  it("an execution that is being cancelled ends in time", async () => {
    const id = idOf(await execute(daemon.client));
    await runner.begin(id);
    await endsAfter("cancelRequested", () => tell(daemon.client, "cancel", id), MINUTE_MS);

    expect((await untilEnd(daemon.client, id)).status?.phase).toBe(Phase.CANCELLED);
  });
});

describe("a commit that is not stored", () => {
  it("starts no sub-agent", async () => {
    const { lease } = await begin();
    await runner.list(lease);
    intruder.beforeCommit(adds("subAgentStarted"), () => Promise.reject(new Error("no")));

    await refused(delegate(lease));

    const { items } = await daemon.client.service(AgentExecutionQueryController).list({});
    expect(items).toHaveLength(1);
  });

  it("asks nobody", async () => {
    const { lease } = await begin();
    await runner.list(lease);
    intruder.beforeCommit(adds("approvalRequested"), () => Promise.reject(new Error("no")));

    await refused(callTool(daemon.client, lease, ACT));

    expect((await daemon.client.service(ApprovalQueryController).list({})).items).toEqual([]);
  });
});

describe("two who write the same row at once", () => {
  it("do not both decide an approval", async () => {
    const { approvalId } = await asking();
    await runner.line.hangUp(); // so that no lease comes into the journal meanwhile
    const reject = () => decide(daemon.client, approvalId, { decision: ApprovalDecision.REJECTED });
    intruder.afterRead(({ kind }) => kind === "Approval", reject);

    const fault = await refused(decide(daemon.client, approvalId));

    expect(fault).toMatchObject({ reason: "APPROVAL_DECIDED", facts: { decision: "REJECTED" } });
    const { status } = await daemon.client.service(ApprovalQueryController).get({ id: approvalId });
    expect(status?.decision).toBe(ApprovalDecision.REJECTED);
  });

  it("do not lose an execution that joins a session as another ends", async () => {
    const first = await execute(daemon.client);
    const sessionId = first.status?.sessionId ?? "";
    const lease = await runner.lease(idOf(first));
    let joined = "";
    intruder.afterRead(
      ({ kind }) => kind === "Session",
      async () => {
        joined = idOf(await execute(daemon.client, { sessionId }));
      },
    );

    runner.finish(lease, "done");
    await untilEnd(daemon.client, idOf(first));

    expect((await runner.lease(joined)).epoch).toBe(1n);
  });

  it("do not let an execution wait for one that has ended as it joined", async () => {
    const first = await execute(daemon.client);
    const sessionId = first.status?.sessionId ?? "";
    await runner.lease(idOf(first));
    intruder.afterRead(
      ({ kind }) => kind === "Session",
      () => tell(daemon.client, "terminate", idOf(first)),
    );

    const joined = idOf(await execute(daemon.client, { sessionId }));

    expect((await runner.lease(joined)).epoch).toBe(1n);
  });

  it("do not retry what another goes on from by then", async () => {
    const first = await execute(daemon.client);
    const sessionId = first.status?.sessionId ?? "";
    runner.fail(await runner.lease(idOf(first)));
    await untilEnd(daemon.client, idOf(first));
    intruder.afterRead(
      ({ kind }) => kind === "Session",
      () => execute(daemon.client, { sessionId }),
    );

    const fault = await refused(tell(daemon.client, "retry", idOf(first)));

    expect(fault.reason).toBe("EXECUTION_SUPERSEDED");
  });
});
