import { mkdirSync } from "node:fs";
import type { Client } from "@stigmer/client";
import {
  type Approval,
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalExpiry,
  ApprovalQueryController,
  ExecutionPhase,
} from "@stigmer/contracts/agentic";
import { eventually, startDaemon, type TestDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { applyAgents, createScratch, effectsIn, scriptedModel, startExecution } from "./effects.ts";
import { endOf, expectSound, journalOf, ofKind } from "./journal.ts";
import { pause, reasonOf } from "./person.ts";

const ROUNDS = 20;
/** When people decide, before and after an approval's time is over: most of them at that very moment. */
const OFFSETS_MS = [-700, -30, -20, -12, -8, -4, 0, 4, 8, 12, 20, 700];
const EXPIRING = OFFSETS_MS.length;
const { APPROVED, REJECTED, EXPIRED } = ApprovalDecision;

it(`lets one of two people win who decide differently at once, and does what that one said, ${ROUNDS} times`, async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon();
  await applyAgents(daemon.client);
  const people = [daemon.newClient(), daemon.newClient()];

  for (let round = 0; round < ROUNDS; round++) {
    const { id, approval, workspace } = await ask(daemon, scratch.path, `r${round}`);
    const answers = await Promise.allSettled(
      people.map((one, n) => decide(one, approval, n === 0 ? APPROVED : REJECTED)),
    );
    const winners = answers.flatMap((answer, n) => (answer.status === "fulfilled" ? [n] : []));
    const losers = answers.flatMap((answer) => (answer.status === "rejected" ? [reasonOf(answer.reason)] : []));
    const execution = await endOf(daemon.client, id);

    expect({ winners: winners.length, losers }, `round ${round}`).toEqual({ winners: 1, losers: ["APPROVAL_DECIDED"] });
    expect(execution.status?.phase).toBe(ExecutionPhase.SUCCEEDED);
    expect(effectsIn(workspace).length, `round ${round}`).toBe(winners[0] === 0 ? 1 : 0);
    expect(ofKind(await journalOf(daemon.client, id), "approvalDecided").length).toBe(1);
    await expectSound(daemon.client, { id, workspace, label: `round ${round}` });
  }
  for (const person of people) person.close();
});

it("answers two people who decide alike at once alike, and does it once", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon();
  await applyAgents(daemon.client);
  const people = [daemon.newClient(), daemon.newClient()];

  for (let round = 0; round < ROUNDS; round++) {
    const { id, approval, workspace } = await ask(daemon, scratch.path, `r${round}`);
    const [first, second] = await Promise.all(people.map((one) => decide(one, approval, APPROVED)));
    await endOf(daemon.client, id);

    expect(second?.status, `round ${round}`).toEqual(first?.status);
    expect(effectsIn(workspace).length, `round ${round}`).toBe(1);
    expect(ofKind(await journalOf(daemon.client, id), "approvalDecided").length).toBe(1);
  }
  for (const person of people) person.close();
});

it("takes a decision once that a client makes while the daemon is down, and tries with one key until it is back", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon();
  await applyAgents(daemon.client);
  const { id, approval, workspace } = await ask(daemon, scratch.path, "down");

  await daemon.kill();
  const deciding = decide(daemon.client, approval, APPROVED);
  await pause(500);
  await daemon.restart();
  const decided = await deciding;
  const execution = await endOf(daemon.client, id);

  expect(decided.status?.decision).toBe(APPROVED);
  expect(execution.status?.phase).toBe(ExecutionPhase.SUCCEEDED);
  expect(effectsIn(workspace).length).toBe(1);
  await expectSound(daemon.client, { id, workspace, label: "decided while down" });
});

it("answers a decision again by its key where the daemon was killed before the answer came through", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon();
  await applyAgents(daemon.client);

  for (let round = 0; round < 5; round++) {
    const { id, approval, workspace } = await ask(daemon, scratch.path, `r${round}`);
    const headers = { "idempotency-key": `round-${round}` };
    const lost = decide(daemon.client, approval, APPROVED, headers);
    await pause(round * 2);
    await daemon.kill();
    await daemon.restart();
    const again = decide(daemon.client, approval, APPROVED, headers);
    const answers = await Promise.all([lost, again]);
    await endOf(daemon.client, id);

    expect(answers[1].status, `round ${round}`).toEqual(answers[0].status);
    expect(effectsIn(workspace).length, `round ${round}`).toBe(1);
    expect(ofKind(await journalOf(daemon.client, id), "approvalDecided").length).toBe(1);
  }
});

it(`decides ${EXPIRING} approvals once that run out while a person decides, and makes the call only where the person was first`, async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon();
  await applyAgents(daemon.client, { approvals: { timeout: { seconds: 2n }, onTimeout: ApprovalExpiry.DENY } });
  const asked = await Promise.all(Array.from({ length: EXPIRING }, (_, n) => ask(daemon, scratch.path, `e${n}`)));

  const outcomes = await Promise.all(
    asked.map(({ approval }, n) => decideAt(daemon.client, approval, OFFSETS_MS[n] ?? 0)),
  );
  const ended = await Promise.all(asked.map(({ id }) => endOf(daemon.client, id)));

  for (const [n, { id, workspace, approval }] of asked.entries()) {
    const decisions = ofKind(await journalOf(daemon.client, id), "approvalDecided").map(({ event }) => event.value);
    const won = outcomes[n] === "decided";
    const label = `decided ${OFFSETS_MS[n]} ms from the end: ${outcomes[n]}`;
    expect(decisions, label).toMatchObject([{ approvalId: approval, decision: won ? APPROVED : EXPIRED }]);
    expect(effectsIn(workspace).length, label).toBe(won ? 1 : 0);
    expect(ended[n]?.status?.phase, label).toBe(ExecutionPhase.SUCCEEDED);
    await expectSound(daemon.client, { id, workspace, label });
  }
  expect(outcomes[0]).toBe("decided");
  expect(outcomes.at(-1)).toBe("APPROVAL_DECIDED");
});

/** Decides so long after an approval's time is over, or before, and says what came of it. */
async function decideAt(client: Client, id: string, offsetMs: number): Promise<string> {
  const { spec } = await client.service(ApprovalQueryController).get({ id });
  const { seconds = 0n, nanos = 0 } = spec?.expireTime ?? {};
  await pause(Number(seconds) * 1000 + nanos / 1e6 + offsetMs - Date.now());
  return await decide(client, id, APPROVED).then(() => "decided", reasonOf);
}

/** An execution that waits for a person. */
async function ask(daemon: TestDaemon, folder: string, name: string) {
  const use = { name: "effects__append", arguments: { token: name } };
  const model = scriptedModel(folder, [{ toolCalls: [use] }, { text: "Done." }], name);
  const workspace = `${folder}/${name}`;
  mkdirSync(workspace);
  const id = await startExecution(daemon.client, { model, workspace });
  const approval = await eventually(() => openApproval(daemon.client, id), `the approval of ${id}`);
  return { id, approval, workspace };
}

async function openApproval(client: Client, id: string): Promise<string | undefined> {
  const { items } = await client.service(ApprovalQueryController).list({ filter: `spec.executionId = "${id}"` });
  return items.find(({ status }) => !status?.decision)?.metadata?.id;
}

async function decide(
  client: Client,
  id: string,
  decision: ApprovalDecision,
  headers: Readonly<Record<string, string>> = {},
): Promise<Approval> {
  return await client.service(ApprovalCommandController).decide({ id, decision }, { headers });
}
