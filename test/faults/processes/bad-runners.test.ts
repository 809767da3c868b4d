import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import {
  type AgentExecution,
  type Assignment,
  type CallTool,
  ExecutionEventSchema,
  ExecutionPhase,
  ExecutionQueryController,
  Role,
  RunnerRole,
} from "@stigmer/contracts/agentic";
import { ToolController } from "@stigmer/contracts/capability";
import { ModelController } from "@stigmer/contracts/gateway";
import { startDaemon, type TestDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { applyAgents, createScratch, scriptedModel, startExecution } from "./effects.ts";
import { endOf, expectSound, journalOf, memoryOf, ofKind } from "./journal.ts";
import { createPerson, reasonOf } from "./person.ts";
import { connectRaw, type RawRunner } from "./raw-runner.ts";
import { startRunner } from "./runners.ts";

const { SUCCEEDED } = ExecutionPhase;
const MIB = 1024 * 1024;
/** The daemon has no runner of its own here. */
const ALONE = {
  config: "runner: { leaseDuration: 3 }",
  env: { STIGMER_RUNNER: join(import.meta.dirname, "idle.mjs"), NODE_OPTIONS: "--max-old-space-size=160" },
};

it("keeps the first outcome of an attempt that a runner reports twice, with different ends", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon(ALONE);
  await applyAgents(daemon.client);
  using raw = connectRaw(daemon.url, { roles: [RunnerRole.AGENT] });
  const { id, lease } = await assigned(daemon, raw, scratch.path);

  raw.say({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "first" } } });
  raw.say({ case: "attemptFinished", value: { lease, outcome: { case: "error", value: { reason: "INTERNAL" } } } });
  raw.say({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "third" } } });
  const execution = await endOf(daemon.client, id);
  await said(raw);

  expect(execution.status).toMatchObject({ phase: ExecutionPhase.SUCCEEDED, output: "first" });
  expect(ends(await journalOf(daemon.client, id))).toEqual(["SUCCEEDED"]);
});

it("keeps the first outcome of a tool call that a runner reports twice, and gives the model that", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon(ALONE);
  await applyAgents(daemon.client);
  await using _person = createPerson(daemon.client);
  using raw = connectRaw(daemon.url);
  const { id, call, answer, finish } = await hostOneCall(daemon, scratch.path, raw);

  for (const content of ["first", "second"]) raw.say(endOfCall(call, content));
  raw.say({ case: "toolCallEnded", value: { call: call.call, error: { reason: "TOOL_SERVER_FAILED" } } });
  const heard = await answer;
  await said(raw);
  const ended = await finish();

  expect(heard).toBe("first");
  expect(ended.status?.phase).toBe(ExecutionPhase.SUCCEEDED);
  const results = ofKind(await journalOf(daemon.client, id), "toolCallFinished");
  expect(results.map(({ event }) => event.value.result?.content)).toEqual(["first"]);
  await expectSound(daemon.client, { id, workspace: scratch.path, label: id });
});

it("drops what a runner says about another's call or lease, and lets the other end them", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon(ALONE);
  await applyAgents(daemon.client);
  await using _person = createPerson(daemon.client);
  using raw = connectRaw(daemon.url);
  const { id, lease, call, answer, finish } = await hostOneCall(daemon, scratch.path, raw);
  using thief = connectRaw(daemon.url, { name: "thief", roles: [RunnerRole.AGENT], slots: 0 });
  await thief.hears("welcome");

  thief.say(endOfCall(call, "stolen"));
  thief.say({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "stolen" } } });
  thief.say({ case: "heartbeat", value: { running: [lease] } });
  const revoked = await thief.hears("revoke");
  raw.say(endOfCall(call, "honest"));
  const heard = await answer;
  const ended = await finish();

  expect(heard).toBe("honest");
  expect(revoked.lease).toMatchObject(lease);
  expect(ended.status).toMatchObject({ phase: ExecutionPhase.SUCCEEDED, output: "Done." });
  const results = ofKind(await journalOf(daemon.client, id), "toolCallFinished");
  expect(results.map(({ event }) => event.value.result?.content)).toEqual(["honest"]);
});

it("gives no execution to a runner without the role, and refuses roles that there are none of", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon(ALONE);
  await applyAgents(daemon.client);
  using tools = connectRaw(daemon.url, { name: "tools-only", roles: [RunnerRole.TOOLS], slots: 8 });
  using liar = connectRaw(daemon.url, { name: "liar", roles: [99 as RunnerRole] });
  await tools.hears("welcome");
  tools.beat();
  const model = scriptedModel(scratch.path, [{ text: "Done." }]);

  const id = await startExecution(daemon.client, { model, agent: "talker" });
  const lease = { executionId: id, epoch: 1n };
  tools.say({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "not mine" } } });
  const fenced = await asked(daemon, lease).catch(reasonOf);
  await said(tools);
  const before = await journalOf(daemon.client, id);
  await using _honest = await startRunner(daemon, "honest");
  const ended = await endOf(daemon.client, id);

  expect(await liar.status).toBe("3");
  expect(tools.heard.filter((one) => one.case === "assignment")).toEqual([]);
  expect(fenced).toBe("LEASE_FENCED");
  expect(ends(before)).toEqual([]);
  expect(ended.status).toMatchObject({ phase: ExecutionPhase.SUCCEEDED, output: "Done." });
});

it("takes the work of a runner that stops reading to another, and stays small, however much is meant for it", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon(ALONE);
  await applyAgents(daemon.client);
  using deaf = connectRaw(daemon.url, { name: "deaf", roles: [RunnerRole.AGENT], slots: 10_000 });
  await deaf.hears("welcome");
  deaf.stopReading();
  const before = memoryOf(daemon.process.pid);
  const model = scriptedModel(scratch.path, [{ text: "Done." }]);

  const start = () => startExecution(daemon.client, { model, agent: "talker", message: "m".repeat(100_000) });
  const ids: string[] = [];
  while (ids.length < 100) ids.push(await start());
  await using _honest = await startRunner(daemon, "honest");
  const ended = await Promise.all(ids.map((id) => phasesOf(daemon, id)));
  const grown = memoryOf(daemon.process.pid).most - before.now;

  for (const phases of ended) expect(phases.filter((phase) => phase >= ExecutionPhase.SUCCEEDED)).toEqual([SUCCEEDED]);
  expect(grown, "growth of the daemon").toBeLessThan(300 * MIB);
});

/** The phases of an execution to its end; its first entry, which is large, is left out. */
async function phasesOf(daemon: TestDaemon, executionId: string): Promise<readonly ExecutionPhase[]> {
  const phases: ExecutionPhase[] = [];
  const stream = daemon.client.service(ExecutionQueryController).subscribe({ executionId, fromSequence: 2n });
  for await (const { message } of stream) {
    const event = message.case === "entry" ? fromBinary(ExecutionEventSchema, message.value.event).event : undefined;
    if (event?.case === "phaseChanged") phases.push(event.value.phase);
  }
  return phases;
}

/** An execution that this runner has been given. */
async function assigned(daemon: TestDaemon, raw: RawRunner, folder: string) {
  const model = scriptedModel(folder, [{ text: "Done." }]);
  const id = await startExecution(daemon.client, { model, agent: "talker" });
  const { lease }: Assignment = await raw.hears("assignment", (value) => value.lease?.executionId === id);
  if (!lease) throw new Error("the assignment names no lease");
  raw.beat(() => [lease]);
  return { id, lease };
}

/** An execution that a raw runner drives, and whose one tool call is in its hands. */
async function hostOneCall(daemon: TestDaemon, folder: string, raw: RawRunner) {
  const model = scriptedModel(folder, [{ text: "Done." }]);
  const id = await startExecution(daemon.client, { model });
  let { lease }: Assignment = await raw.hears("assignment", (value) => value.lease?.executionId === id);
  raw.beat(() => (lease ? [lease] : []));
  const listed = daemon.client.service(ToolController).list({ executionId: id, epoch: 1n });
  const { requestId } = await raw.hears("startServer");
  const tools = [{ tool: "look", description: "looks", inputSchema: '{"type":"object"}' }];
  raw.say({ case: "serverStarted", value: { requestId, tools } });
  await listed;
  expect(await callLook(daemon, id, 1n)).toBe("parked");
  if (lease) raw.say({ case: "attemptFinished", value: { lease, outcome: { case: "parked", value: true } } });
  ({ lease } = await raw.hears("assignment", (value) => value.lease?.epoch === 2n));
  const answer = callLook(daemon, id, 2n);
  const call = await raw.hears("callTool");
  const finish = async (): Promise<AgentExecution> => {
    if (lease) raw.say({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "Done." } } });
    return await endOf(daemon.client, id);
  };
  return { id, lease: { executionId: id, epoch: 2n }, call, answer, finish };
}

/** What comes of a call of the tool, under a lease. */
async function callLook(daemon: TestDaemon, executionId: string, epoch: bigint): Promise<string> {
  const call = { id: "c1", name: "effects__look", arguments: "{}" };
  let said = "nothing";
  const answers = daemon.client.service(ToolController).call({ executionId, epoch, stepKey: "turn/1/tool/c1", call });
  for await (const { message } of answers)
    said = message.case === "result" ? message.value.content : (message.case ?? "");
  return said;
}

/** Ends a call that the raw runner was asked to make. */
function endOfCall({ call }: CallTool, content: string): Parameters<RawRunner["say"]>[0] {
  return { case: "toolCallEnded", value: { call, result: { content } } };
}

/** Asks the model under a lease that nobody has. */
async function asked(
  daemon: TestDaemon,
  lease: { readonly executionId: string; readonly epoch: bigint },
): Promise<string> {
  const messages = [{ role: Role.USER, parts: [{ part: { case: "text" as const, value: "hi" } }] }];
  for await (const _ of daemon.client
    .service(ModelController)
    .generate({ ...lease, stepKey: "turn/1/model", messages }));
  return "answered";
}

/** Waits until the backend has taken everything that a runner said so far: it answers a heartbeat with a lost lease last. */
async function said(raw: RawRunner): Promise<void> {
  const lease = { executionId: `aex_marker${raw.heard.length}`, epoch: 1n };
  raw.say({ case: "heartbeat", value: { running: [lease] } });
  await raw.hears("revoke", (value) => value.lease?.executionId === lease.executionId);
}

/** The phases in which the execution ended, as often as it did. */
function ends(journal: Awaited<ReturnType<typeof journalOf>>): readonly string[] {
  const phases = ofKind(journal, "phaseChanged").map(({ event }) => event.value.phase);
  return phases.filter((phase) => phase >= ExecutionPhase.SUCCEEDED).map((phase) => ExecutionPhase[phase]);
}
