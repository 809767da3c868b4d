import {
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalQueryController,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { drive, generate } from "./driven.fake.ts";
import { eventsOf, kindsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { createToolHost, startKitRunner } from "./kit-runner.fake.ts";
import { type ModelServer, startModelServer } from "./model-server.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { connectRunner } from "./runner-line.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
let provider: ModelServer;

beforeEach(async () => {
  provider = await startModelServer();
  daemon = await startTestDaemon();
  daemon.configure(provider.config);
  await createAgent(daemon.client, { model: "held/m" });
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

it("ends an execution that waits for a runner, which then gets another", async () => {
  const id = idOf(await execute(daemon.client));

  const cancelled = await cancel(id, "changed my mind");
  const other = await execute(daemon.client);
  const line = await connectRunner(daemon.client);
  const { lease } = await line.next("assignment");

  expect(cancelled.status).toMatchObject({
    phase: Phase.CANCELLED,
    error: { reason: "EXECUTION_CANCELLED", message: "changed my mind" },
  });
  expect(await daemon.client.service(AgentExecutionQueryController).get({ id })).toEqual(cancelled);
  expect(lease?.executionId).toBe(idOf(other));
});

it("ends an execution that runs: the runner is told, and the provider's answer is not waited for", async () => {
  const { id, lease, line } = await drive(daemon.client, "held/m");
  const running = refused(allOf(generate(daemon.client, lease)));
  const call = await provider.next();

  const cancelled = await cancel(id);
  await call.gone;

  expect(cancelled.status?.phase).toBe(Phase.CANCELLED);
  expect((await line.next("revoke")).lease).toEqual(lease);
  expect(await running).toMatchObject({ kind: "conflict", reason: "LEASE_FENCED" });
  expect(kindsOf(await eventsOf(daemon.client, id)).at(-1)).toBe("phaseChanged");
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
});

it("ends an execution that waits for a person, and withdraws the question", async () => {
  await using _ = startKitRunner(daemon, { tools: createToolHost([{}]) });
  await createServer(daemon.client, "files");
  await createAgent(daemon.client, { name: "acting", servers: ["files"] });
  const model = daemon.script([{ toolCalls: [{ name: "files__act", arguments: {} }] }]);
  const id = idOf(await execute(daemon.client, { agent: "acting", model }));
  const { status } = await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);
  const approvalId = status?.approvalId ?? "";

  const cancelled = await cancel(id);
  const decided = await refused(
    daemon.client.service(ApprovalCommandController).decide({ id: approvalId, decision: ApprovalDecision.APPROVED }),
  );

  expect(cancelled.status).toMatchObject({ phase: Phase.CANCELLED, approvalId: "" });
  const approval = await daemon.client.service(ApprovalQueryController).get({ id: approvalId });
  expect(approval.status).toMatchObject({ decision: ApprovalDecision.WITHDRAWN, decidedBy: "system" });
  expect(decided).toMatchObject({ reason: "APPROVAL_DECIDED", facts: { decision: "WITHDRAWN" } });
  expect(valuesOf(await eventsOf(daemon.client, id), "approvalDecided")).toHaveLength(1);
});

it("frees the runner's slot at once", async () => {
  await using _ = startKitRunner(daemon, { slots: 1 });
  const id = idOf(await execute(daemon.client));
  await provider.next();

  await cancel(id);
  const other = idOf(await execute(daemon.client));
  (await provider.next()).finish();

  expect((await untilEnd(daemon.client, other)).status?.phase).toBe(Phase.SUCCEEDED);
});

it("says the same of an execution that is cancelled already, however many ask at once", async () => {
  const id = idOf(await execute(daemon.client));

  const answers = await Promise.all(Array.from({ length: 20 }, () => cancel(id)));
  const again = await cancel(id);

  for (const answer of answers) expect(answer).toEqual(again);
  expect(valuesOf(await eventsOf(daemon.client, id), "phaseChanged")).toHaveLength(2);
});

it("is refused once the execution has ended, and for one that there is none of", async () => {
  const { id, lease, line } = await drive(daemon.client, "held/m");
  line.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "done" } } });
  await untilEnd(daemon.client, id);

  const ended = await refused(cancel(id));
  const unknown = await refused(cancel("aex_0"));

  expect(ended).toMatchObject({ kind: "precondition", reason: "EXECUTION_PHASE", facts: { phase: "SUCCEEDED" } });
  expect(unknown.reason).toBe("RESOURCE_NOT_FOUND");
});

it("is never refused because a runner takes the execution at that moment", async () => {
  const line = await connectRunner(daemon.client, { slots: 1000 });
  const ids = (await Promise.all(Array.from({ length: 40 }, () => execute(daemon.client)))).map(idOf);

  const cancelled = await Promise.all(ids.map((id) => cancel(id)));

  expect(new Set(cancelled.map(({ status }) => status?.phase))).toEqual(new Set([Phase.CANCELLED]));
  await line.hangUp();
});

it("and an end that comes at the same moment leave one end", async () => {
  const line = await connectRunner(daemon.client, { slots: 1000 });
  for (let count = 0; count < 20; count++) await execute(daemon.client);
  const leases = [];
  for (let count = 0; count < 20; count++) leases.push((await line.next("assignment")).lease);

  const answers = await Promise.all(
    leases.map(async (lease) => {
      if (lease) line.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "done" } } });
      const id = lease?.executionId ?? "";
      const outcome = await cancel(id).then(
        () => "CANCELLED",
        (fault) => fault.reason,
      );
      const { status } = await untilEnd(daemon.client, id);
      const ends = valuesOf(await eventsOf(daemon.client, id), "phaseChanged").filter(({ phase }) => phase >= 6);
      return { outcome, ends: ends.map(({ phase }) => phase), phase: status?.phase };
    }),
  );

  for (const { outcome, ends, phase } of answers) {
    expect(ends).toEqual([phase]);
    expect(outcome).toBe(phase === Phase.CANCELLED ? "CANCELLED" : "EXECUTION_PHASE");
  }
});

async function cancel(id: string, comment = "") {
  return await daemon.client.service(AgentExecutionCommandController).cancel({ id, comment });
}
