import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ExecutionPhase, ExecutionQueryController } from "@stigmer/contracts/agentic";
import { startDaemon, type TestDaemon } from "@stigmer/e2e/harness";
import { applyNotes, approveUntilEnd, executeNotes, notesWorkspace } from "@stigmer/e2e/notes";
import { expect, it } from "vitest";

/** For each victim. */
const MOMENTS = 20;
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

it(`finishes a run whose daemon or runner is killed, at ${MOMENTS} random moments each, and changes the file once (SEED=${seed})`, async () => {
  const random = mulberry32(seed);
  await using daemon = await startDaemon();
  await applyNotes(daemon.client);
  const runMs = await undisturbed(daemon);

  for (let count = 0; count < 2 * MOMENTS; count++) {
    const victim = count % 2 === 0 ? "daemon" : "runner";
    const moment = Math.floor(random() * runMs);
    const workspace = notesWorkspace();
    const id = (await executeNotes(daemon.client, workspace)).metadata?.id ?? "";
    const [execution] = await Promise.all([approveUntilEnd(daemon.client, id), killAt(daemon, victim, moment)]);
    const label = `${victim} killed after ${moment} ms`;

    expect(ExecutionPhase[execution.status?.phase ?? 0], label).toBe("SUCCEEDED");
    expect(readFileSync(join(workspace, "notes.md"), "utf8"), label).toMatch(/^- buy milk <!-- .* -->\n$/);
    const verified = await daemon.client.service(ExecutionQueryController).verify({ executionId: id });
    expect(verified, label).toMatchObject({ valid: true, brokenAt: 0n });
  }
}, 300_000);

/** How long a run takes that nobody disturbs: a moment is anywhere in it. */
async function undisturbed(daemon: TestDaemon): Promise<number> {
  const began = performance.now();
  const started = await executeNotes(daemon.client, notesWorkspace());
  await approveUntilEnd(daemon.client, started.metadata?.id ?? "");
  return performance.now() - began;
}

async function killAt(daemon: TestDaemon, victim: "daemon" | "runner", moment: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, moment));
  if (victim === "daemon") {
    await daemon.kill();
    await daemon.restart();
    return;
  }
  const pid = daemon.runnerPid();
  if (pid !== undefined) process.kill(pid, "SIGKILL");
}

/** A small seeded generator, so that a failing run can be run again. */
function mulberry32(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
