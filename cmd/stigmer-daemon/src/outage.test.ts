import { afterEach, beforeEach, expect, it } from "vitest";
import { drive } from "./driven.fake.ts";
import { untilEnd } from "./journal.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf } from "./runner-line.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const HOUR_MS = 3_600_000;

let daemon: TestDaemon;
let clock: SteppedClock;

beforeEach(async () => {
  clock = createSteppedClock();
  daemon = await startTestDaemon({ clock });
  await createAgent(daemon.client, { model: daemon.script([]) });
});
afterEach(() => daemon[Symbol.asyncDispose]());

it("costs no runner its lease, however long the daemon was away", async () => {
  const { id, lease, line } = await drive(daemon.client, "");

  await Promise.all([line.hangUp(), daemon.stop()]);
  clock.step(HOUR_MS);
  await daemon.start();
  // Work that is handed out shows that the daemon has looked for leases that are over.
  const other = await connectRunner(daemon.client, { name: "other" });
  const next = idOf(await execute(daemon.client));
  const handed = leaseOf(await other.next("assignment"));
  const back = await connectRunner(daemon.client, { instance: line.instance, running: [lease] });
  back.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "kept" } } });

  expect(handed.executionId).toBe(next);
  expect(back.welcome.kept).toEqual([lease]);
  expect((await untilEnd(daemon.client, id)).status?.output).toBe("kept");
});
