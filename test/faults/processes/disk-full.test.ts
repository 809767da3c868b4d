import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@stigmer/client";
import {
  AgentCommandController,
  AgentExecutionQueryController,
  AgentQueryController,
  ExecutionPhase,
} from "@stigmer/contracts/agentic";
import { eventually, startDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { applyAgents, createScratch, effectsIn, scriptedModel, startExecution } from "./effects.ts";
import { endOf, expectSound } from "./journal.ts";
import { createPerson, pause } from "./person.ts";
import { mayMount, mountSmallDisk } from "./small-disk.ts";

/** Long enough for steps to end that can't be recorded. */
const FULL_MS = 4_000;

it.skipIf(!mayMount)(
  "refuses commands with RESOURCE_EXHAUSTED while the disk is full, goes on reading, and goes on working when there is room",
  async () => {
    using scratch = createScratch();
    using disk = mountSmallDisk(join(scratch.path, "disk"));
    await using daemon = await startDaemon({ home: disk.path });
    await applyAgents(daemon.client);
    await using _person = createPerson(daemon.client);
    const workspace = join(scratch.path, "workspace");
    mkdirSync(workspace);
    const model = scriptedModel(workspace, [
      { text: "one two three four five six seven", delayMs: 150, toolCalls: [use("a")] },
      { text: "one two three four five six seven", delayMs: 150, toolCalls: [use("b")] },
      { text: "Done." },
    ]);
    const before = await agentNames(daemon.client);
    const id = await startExecution(daemon.client, { model, workspace });

    disk.fill();
    const written: string[] = [];
    const refusal = await eventually(() => createUntilRefused(daemon.client, written), "a refused command");
    const answers = await Promise.allSettled([
      startExecution(daemon.client, { model, workspace }),
      createAgent(daemon.client, "refused"),
    ]);
    await pause(FULL_MS);
    const names = await agentNames(daemon.client);
    const { status } = await daemon.client.service(AgentExecutionQueryController).get({ id });
    disk.free();
    const execution = await endOf(daemon.client, id);
    await eventually(() => createAgent(daemon.client, "afterwards").then(() => true, stillFull), "room for a command");

    expect(refusal).toMatchObject({ kind: "exhausted" });
    for (const answer of answers) expect(answer).toMatchObject({ status: "rejected", reason: { kind: "exhausted" } });
    expect(names, "what was acknowledged before and while the disk was full").toEqual([...before, ...written].sort());
    expect(status?.phase).not.toBe(ExecutionPhase.FAILED);
    expect(ExecutionPhase[execution.status?.phase ?? 0], execution.status?.error?.message).toBe("SUCCEEDED");
    expect(effectsIn(workspace).map(({ token }) => token)).toEqual(["a", "b"]);
    await expectSound(daemon.client, { id, workspace, label: id });
    await daemon.kill();
    await daemon.restart();
    expect(await agentNames(daemon.client)).toEqual([...before, ...written, "afterwards"].sort());
  },
);

const use = (token: string) => ({ name: "effects__append", arguments: { token } });

async function createAgent(client: Client, name: string): Promise<void> {
  await client
    .service(AgentCommandController)
    .create({ metadata: { name }, spec: { instructions: "x".repeat(60_000) } });
}

/** What a command is refused with; the database's last file may have some room left. */
async function createUntilRefused(client: Client, written: string[]): Promise<unknown> {
  const name = `filler-${written.length}`;
  try {
    await createAgent(client, name);
    written.push(name);
    return undefined;
  } catch (error) {
    return error;
  }
}

function stillFull(error: unknown): undefined {
  if ((error as { kind?: string }).kind === "exhausted") return undefined;
  throw error;
}

async function agentNames(client: Client): Promise<readonly string[]> {
  const { items } = await client.service(AgentQueryController).list({ pageSize: 1_000 });
  return items.map(({ metadata }) => metadata?.name ?? "").sort();
}
