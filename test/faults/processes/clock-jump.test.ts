import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExecutionPhase } from "@stigmer/contracts/agentic";
import { eventually, startDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { applyAgents, createScratch, scriptedModel, startExecution } from "./effects.ts";
import { endOf, expectSound, journalOf, ofKind } from "./journal.ts";
import { pause } from "./person.ts";

/** Where Debian's packages for this machine's kind put it. */
const LIBRARY = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
  .map((kind) => `/usr/lib/${kind}/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path));
const LIVE = 20;
const WORDS = Array.from({ length: 60 }, (_, n) => `word${n}`).join(" ");

it.skipIf(!LIBRARY)(
  "fences nothing and fails nothing when the daemon's clock is moved an hour forwards and back",
  async () => {
    using scratch = createScratch();
    const clock = join(scratch.path, "clock");
    writeFileSync(clock, "+0");
    const faked = { LD_PRELOAD: LIBRARY ?? "", FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
    await using daemon = await startDaemon({
      config: `runner: { slots: ${2 * LIVE} }`,
      env: { ...faked, FAKETIME_CACHE_DURATION: "1" },
    });
    await applyAgents(daemon.client);
    const model = scriptedModel(scratch.path, [{ text: WORDS, delayMs: 200 }]);
    const quick = scriptedModel(scratch.path, [{ text: "Done." }], "quick");
    const start = () => startExecution(daemon.client, { model, agent: "talker" });
    const ids = await Promise.all(Array.from({ length: LIVE }, start));
    for (const id of ids) await untilAsked(id);

    const hours: number[] = [];
    for (const offset of ["+3600", "+0", "-3600", "+0"]) {
      writeFileSync(clock, offset);
      hours.push(await eventually(() => clockSays(offset), `the daemon's clock to say ${offset}`));
      await pause(1_500);
    }
    const ended = await Promise.all(ids.map((id) => endOf(daemon.client, id)));

    expect(hours).toEqual([1, 0, -1, 0]);
    expect(ended.map(({ status }) => ExecutionPhase[status?.phase ?? 0])).toEqual(Array(LIVE).fill("SUCCEEDED"));
    for (const id of ids) {
      const leases = ofKind(await journalOf(daemon.client, id), "leaseGranted");
      expect(
        leases.map(({ epoch }) => epoch),
        id,
      ).toEqual([1n]);
      await expectSound(daemon.client, { id, workspace: scratch.path, label: id });
    }

    async function untilAsked(id: string): Promise<void> {
      const asked = async () => ofKind(await journalOf(daemon.client, id), "modelCallStarted")[0];
      await eventually(asked, `the model call of ${id}`);
    }

    /** By how many hours the daemon's clock is off, as soon as that is what was asked. */
    async function clockSays(offset: string): Promise<number | undefined> {
      const [created] = await journalOf(
        daemon.client,
        await startExecution(daemon.client, { model: quick, agent: "talker" }),
      );
      const off = Math.round(Number(created?.time?.seconds ?? 0) / 3600 - Date.now() / 3_600_000) + 0;
      return off === Number(offset) / 3600 ? off : undefined;
    }
  },
);
