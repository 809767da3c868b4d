import { ExecutionPhase } from "@stigmer/contracts/agentic";
import { eventually, startDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { applyAgents, createScratch, scriptedModel, startExecution } from "./effects.ts";
import { endOf, expectSound, journalOf, ofKind } from "./journal.ts";
import { startRunner } from "./runners.ts";

const LIVE = 50;
const WORDS = Array.from({ length: 30 }, (_, index) => `word${index}`).join(" ");
const TURNS = [{ text: WORDS, delayMs: 100 }];

it.for(["killed", "stopped"] as const)(
  `goes on with ${LIVE} live executions under their leases when the daemon is %s and starts again`,
  async (how) => {
    using scratch = createScratch();
    // The daemon's own runner ends with a daemon that is stopped, so that here another one does the work.
    await using daemon = await startDaemon({ config: "runner: { slots: 0 }" });
    await applyAgents(daemon.client);
    await using _runner = await startRunner(daemon, "outside", LIVE);
    const model = scriptedModel(scratch.path, TURNS);
    const start = () => startExecution(daemon.client, { model, agent: "talker" });
    const ids = await Promise.all(Array.from({ length: LIVE }, start));
    for (const id of ids) await untilModelIsAsked(id);

    await (how === "killed" ? daemon.kill() : daemon.stop());
    await daemon.restart();
    const ended = await Promise.all(ids.map((id) => endOf(daemon.client, id)));

    const faults = ended
      .map(({ status }) => ExecutionPhase[status?.phase ?? 0])
      .filter((phase) => phase !== "SUCCEEDED");
    expect(faults).toEqual([]);
    for (const id of ids) {
      const journal = await journalOf(daemon.client, id);
      expect(
        ofKind(journal, "leaseGranted").map(({ epoch }) => epoch),
        id,
      ).toEqual([1n]);
      expect(ofKind(journal, "lateMessage"), id).toEqual([]);
      await expectSound(daemon.client, { id, workspace: scratch.path, label: id });
    }

    async function untilModelIsAsked(id: string): Promise<void> {
      const asked = async () => ofKind(await journalOf(daemon.client, id), "modelCallStarted")[0];
      await eventually(asked, `the model call of ${id}`);
    }
  },
);
