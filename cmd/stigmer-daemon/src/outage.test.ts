import { ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, expect, it } from "vitest";
import { tell } from "./commands.fake.ts";
import { drive } from "./driven.fake.ts";
import { createIntruder } from "./intruder.fake.ts";
import { untilEnd } from "./journal.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { connectRunner, leaseOf } from "./runner-line.fake.ts";
import { createSteppedClock, type SteppedClock } from "./stepped-clock.fake.ts";
import { tend } from "./tended.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

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

it("ends in time what is being cancelled, though the clock is set back meanwhile", async () => {
  const intruder = createIntruder();
  let offset = 0;
  const moving = { now: () => Date.now() + offset, monotonic: () => performance.now() };
  await using other = await startTestDaemon({ clock: moving, openStore: intruder.openStore, drainMs: 0 });
  await createServer(other.client, "files");
  await createAgent(other.client, { servers: ["files"], model: other.script([]) });
  const runner = await tend(other.client);
  const id = idOf(await execute(other.client));
  const { told } = await runner.begin(id);
  const cut = refused(told);
  await tell(other.client, "cancel", id);

  const brought = new Promise<void>((resolve) =>
    intruder.beforeCommit(
      ({ tasks = [] }) => tasks.some((task) => task.id === `cancel/${id}`),
      async () => resolve(),
    ),
  );
  offset = -HOUR_MS;
  await brought;
  offset += MINUTE_MS;

  expect((await untilEnd(other.client, id)).status?.phase).toBe(Phase.CANCELLED);
  await cut;
});
