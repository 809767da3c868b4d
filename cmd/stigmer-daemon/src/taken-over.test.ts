import {
  ApprovalCause,
  ApprovalDecision,
  ApprovalQueryController,
  ApprovalScope,
  type Lease,
} from "@stigmer/contracts/agentic";
import { ToolController } from "@stigmer/contracts/capability";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { decide } from "./commands.fake.ts";
import { callTool, generate } from "./driven.fake.ts";
import { adds, createIntruder, type Intruder } from "./intruder.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf, type RunnerLine } from "./runner-line.fake.ts";
import { type Tended, tend } from "./tended.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const ACT = { name: "files__act" };

let daemon: TestDaemon;
let intruder: Intruder;
let runner: Tended;

beforeEach(async () => {
  intruder = createIntruder();
  daemon = await startTestDaemon({ openStore: intruder.openStore, drainMs: 0 });
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { servers: ["files"], model: daemon.script([{ text: "said" }]) });
  runner = await tend(daemon.client);
});
afterEach(() => daemon[Symbol.asyncDispose]());

async function begin(): Promise<{ readonly id: string; readonly lease: Lease }> {
  const id = idOf(await execute(daemon.client));
  return { id, lease: await runner.lease(id) };
}

/** A call that waits for a person, with the approval. */
async function asking() {
  const { id, lease } = await begin();
  await runner.list(lease);
  const parked = await callTool(daemon.client, lease, ACT);
  return { id, lease, approvalId: parked.case === "parked" ? parked.value.approvalId : "" };
}

describe("a lease", () => {
  it("is over once its execution is parked", async () => {
    const { lease } = await asking();

    const fault = await refused(allOf(generate(daemon.client, lease)));

    expect(fault.reason).toBe("LEASE_FENCED");
  });

  it("is handed on at once where another process has the runner's name", async () => {
    const { id } = await begin();
    await runner.line.hangUp();

    const next = await connectRunner(daemon.client, { name: "tended" });

    expect(leaseOf(await next.next("assignment"))).toMatchObject({ executionId: id, epoch: 2n });
  });

  it("is handed on at once where its process ends as it gets it", async () => {
    const connected = Promise.withResolvers<RunnerLine>();
    intruder.beforeCommit(adds("leaseGranted"), async () =>
      connected.resolve(await connectRunner(daemon.client, { name: "tended" })),
    );

    const id = idOf(await execute(daemon.client));
    const next = await connected.promise;

    expect(leaseOf(await next.next("assignment"))).toMatchObject({ executionId: id, epoch: 2n });
  });
});

describe("a call", () => {
  it("is approved with the arguments that a person was shown, and with no others", async () => {
    const { id, approvalId } = await asking();
    await decide(daemon.client, approvalId);
    const lease = await runner.lease(id);

    const told = callTool(daemon.client, lease, { ...ACT, arguments: '{"other":true}' });
    const made = runner.call().then(() => ({ case: "made" }));
    made.catch(() => {}); // the line ends with the test

    expect(await Promise.race([told, made])).toMatchObject({ case: "parked" });
  });

  it("whose outcome was lost is asked about for itself, whatever else of its tool is approved", async () => {
    const { lease, told } = await runner.begin(idOf(await execute(daemon.client)));
    const cut = refused(told);
    await connectRunner(daemon.client, { name: "tended", instance: runner.line.instance, running: [lease] });
    await cut;
    const { executionId, epoch } = lease;
    const call = { id: "c1", arguments: "{}", ...ACT };
    const planned = [{ stepKey: "later", call: { ...call, id: "c2" } }];
    await allOf(daemon.client.service(ToolController).call({ executionId, epoch, stepKey: "tool", call, planned }));
    const open = async () => {
      const { items } = await daemon.client.service(ApprovalQueryController).list({});
      return items.filter(({ status }) => status?.decision === ApprovalDecision.UNSPECIFIED);
    };
    const byPolicy = (await open()).find(({ spec }) => spec?.cause === ApprovalCause.POLICY);

    await decide(daemon.client, byPolicy ? idOf(byPolicy) : "", { scope: ApprovalScope.TOOL });

    expect((await open()).map(({ spec }) => spec?.cause)).toEqual([ApprovalCause.UNCERTAIN]);
  });

  it("has its end kept until somebody asks for it", async () => {
    const { lease, told, call } = await runner.begin(idOf(await execute(daemon.client)));
    const cut = refused(told);
    await daemon.stop();
    await daemon.start();
    const calls = call.call ? [call.call] : [];
    const { instance } = runner.line;
    const back = await connectRunner(daemon.client, { name: "tended", instance, running: [lease], calls });

    if (call.call) back.send({ case: "toolCallEnded", value: { call: call.call, result: { content: "done" } } });
    await back.beat([lease]);
    const early = back.heard.filter((said) => said.case === "acknowledged" && said.value.message.case === "call");

    expect(await callTool(daemon.client, lease, ACT)).toMatchObject({ case: "result", value: { content: "done" } });
    expect((await cut).reason).toBe("SHUTTING_DOWN");
    expect(early).toEqual([]);
  });
});
