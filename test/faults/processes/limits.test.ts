import type { Client } from "@stigmer/client";
import { AgentExecutionQueryController, ExecutionPhase, ExecutionQueryController } from "@stigmer/contracts/agentic";
import { startDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { applyAgents, createScratch, effectsIn, scriptedModel, startExecution } from "./effects.ts";
import { endOf, expectSound, journalOf, memoryOf, ofKind } from "./journal.ts";
import { createPerson } from "./person.ts";

const MIB = 1024 * 1024;
/** A daemon that needs more than this for its objects ends, and the test with it. */
const SMALL = { NODE_OPTIONS: "--max-old-space-size=128" };
const MOST_GROWTH = 300 * MIB;

it("ends an agent whose model never stops calling tools at its turn limit, and makes no call of the last turn", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon();
  const maxTurns = 12;
  await applyAgents(daemon.client, { maxTurns });
  await using _person = createPerson(daemon.client);
  const turn = { text: "Again.", toolCalls: [{ name: "effects__append_once", arguments: { token: "again" } }] };
  const model = scriptedModel(scratch.path, Array(3 * maxTurns).fill(turn));

  const id = await startExecution(daemon.client, { model, workspace: scratch.path });
  const { status } = await endOf(daemon.client, id);

  expect(status).toMatchObject({ phase: ExecutionPhase.FAILED, turns: maxTurns, error: { reason: "LIMIT_REACHED" } });
  expect(effectsIn(scratch.path).length).toBe(maxTurns - 1);
  await expectSound(daemon.client, { id, workspace: scratch.path, label: id });
});

it("tells the model that a result of 50 MB is too large, goes on, and keeps the daemon small", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon({ env: SMALL });
  await applyAgents(daemon.client);
  await using _person = createPerson(daemon.client);
  const flood = { name: "effects__look", arguments: { bytes: 50_000_000 } };
  const after = { name: "effects__append", arguments: { token: "after" } };
  const turns = [{ toolCalls: [flood, flood, flood] }, { toolCalls: [after] }, { text: "Went on." }];
  const before = memoryOf(daemon.process.pid);

  const model = scriptedModel(scratch.path, turns);
  const id = await startExecution(daemon.client, { model, workspace: scratch.path });
  const { status } = await endOf(daemon.client, id);
  const grown = memoryOf(daemon.process.pid).most - before.now;
  const [first] = ofKind(await journalOf(daemon.client, id), "toolCallFinished");

  expect(status).toMatchObject({ phase: ExecutionPhase.SUCCEEDED, output: "Went on." });
  expect(first?.event.value.result).toMatchObject({
    isError: true,
    content: expect.stringMatching(/answer of 5000\d{4} bytes is larger than 8 MiB/),
  });
  expect(effectsIn(scratch.path).map(({ token }) => token)).toEqual(["after"]);
  expect(grown, "growth of the daemon").toBeLessThan(MOST_GROWTH);
});

it("runs 1,000 queued executions in order of arrival on a runner of two slots, and keeps the daemon small", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon({ config: "runner: { slots: 2 }", env: SMALL });
  await applyAgents(daemon.client);
  const count = 1_000;
  const model = scriptedModel(scratch.path, [{ text: "Done." }]);
  const before = memoryOf(daemon.process.pid);

  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await startExecution(daemon.client, { model, agent: "talker" }));
  await follow(daemon.client, ids.at(-1) ?? "");
  for (const id of ids) await endOf(daemon.client, id);
  const grown = memoryOf(daemon.process.pid).most - before.now;
  const { items } = await daemon.client.service(AgentExecutionQueryController).list({ pageSize: count });

  const phases = items.map(({ status }) => ExecutionPhase[status?.phase ?? 0]);
  expect(phases).toEqual(Array(count).fill("SUCCEEDED"));
  expect(items.map(({ metadata }) => metadata?.id)).toEqual(ids);
  const starts = items.map(({ status }) => Number(status?.startTime?.seconds) * 1e9 + Number(status?.startTime?.nanos));
  expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  expect(grown, "growth of the daemon").toBeLessThan(MOST_GROWTH);
});

/** Follows an execution to its end; unlike looking again and again it costs the daemon nothing. */
async function follow(client: Client, executionId: string): Promise<void> {
  for await (const _ of client.service(ExecutionQueryController).subscribe({ executionId }));
}
