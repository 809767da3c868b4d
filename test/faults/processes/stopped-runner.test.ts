import { ExecutionPhase } from "@stigmer/contracts/agentic";
import { eventually, startDaemon, type TestDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { applyAgents, callsBegun, createScratch, effectsIn, scriptedModel, startExecution } from "./effects.ts";
import { type Entry, endOf, expectSound, journalOf, ofKind } from "./journal.ts";
import { createPerson, pause } from "./person.ts";
import { startRunner } from "./runners.ts";

const LEASE_S = 3;
/** A lease, the daemon's next look for those that ran out, and a good deal of patience. */
const REASSIGNED_MS = LEASE_S * 1000 + 12_000;
const WORDS = "a model that takes its time to say what there is to be said of it";

it("gives the work of a runner that is stopped past its lease to another, and drops what the first says late", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon({ config: `runner: { leaseDuration: ${LEASE_S} }` });
  await applyAgents(daemon.client);
  await using _person = createPerson(daemon.client);
  const model = scriptedModel(scratch.path, [
    { text: "First.", toolCalls: [{ name: "effects__append", arguments: { token: "a" } }] },
    { text: WORDS, delayMs: 150, toolCalls: [{ name: "effects__append", arguments: { token: "b" } }] },
    { text: "Done." },
  ]);
  const id = await startExecution(daemon.client, { model, workspace: scratch.path });
  const begun = await during(daemon, id, (journal) => ofKind(journal, "modelCallStarted").length === 2);

  await using stopped = stop(daemon.runnerPid());
  await using second = await startRunner(daemon, "second");
  const journal = await during(daemon, id, (now) => leases(now).length > leases(begun).length, REASSIGNED_MS);
  const taken = leases(journal).at(-1);
  const execution = await endOf(daemon.client, id);
  stopped.goOn();
  await settled(daemon, id);

  expect(ExecutionPhase[execution.status?.phase ?? 0], execution.status?.error?.message).toBe("SUCCEEDED");
  expect(taken?.event.value.runner).toBe(second.name);
  expect(effectsIn(scratch.path).map(({ token }) => token)).toEqual(["a", "b"]);
  expectNothingBelow(await journalOf(daemon.client, id), taken);
  await expectSound(daemon.client, { id, workspace: scratch.path, label: id });
});

it("makes a call once whose runner is stopped while it makes it, and takes its outcome when it goes on", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon({ config: `runner: { leaseDuration: ${LEASE_S} }` });
  await applyAgents(daemon.client);
  await using _person = createPerson(daemon.client);
  const model = scriptedModel(scratch.path, [
    { text: "First.", toolCalls: [{ name: "effects__append", arguments: { token: "a", ms: 500 } }] },
    { text: "Done." },
  ]);
  const id = await startExecution(daemon.client, { model, workspace: scratch.path });
  await eventually(() => callsBegun(scratch.path)[0], "the call to reach the tool");

  await using stopped = stop(daemon.runnerPid());
  const begun = await journalOf(daemon.client, id);
  await using _second = await startRunner(daemon, "second");
  const journal = await during(daemon, id, (now) => leases(now).length > leases(begun).length, REASSIGNED_MS);
  stopped.goOn();
  const execution = await endOf(daemon.client, id);
  await settled(daemon, id);

  expect(ExecutionPhase[execution.status?.phase ?? 0], execution.status?.error?.message).toBe("SUCCEEDED");
  expect(effectsIn(scratch.path).map(({ token }) => token)).toEqual(["a"]);
  expect(callsBegun(scratch.path)).toEqual([`${id}/${ofKind(journal, "toolCallStarted")[0]?.stepKey}`]);
  await expectSound(daemon.client, { id, workspace: scratch.path, label: id });
});

function leases(journal: readonly Entry[]) {
  return ofKind(journal, "leaseGranted");
}

/** The journal as soon as something holds of it. */
async function during(
  daemon: TestDaemon,
  id: string,
  holds: (journal: readonly Entry[]) => boolean,
  timeoutMs?: number,
): Promise<readonly Entry[]> {
  const look = async () => {
    const journal = await journalOf(daemon.client, id);
    return holds(journal) ? journal : undefined;
  };
  return await eventually(look, `the journal of ${id}`, timeoutMs);
}

/** After a lease, the earlier ones leave no entry but evidence. */
function expectNothingBelow(journal: readonly Entry[], lease: Entry | undefined): void {
  const late = journal.filter(
    ({ sequence, epoch, event }) =>
      lease && sequence > lease.sequence && epoch > 0n && epoch < lease.epoch && event.case !== "lateMessage",
  );
  expect(late.map(({ sequence, event }) => `${sequence} ${event.case}`)).toEqual([]);
}

/** Waits until a runner that goes on has had the time to say what it has to say: a few of its heartbeats. */
async function settled(daemon: TestDaemon, id: string): Promise<void> {
  const before = (await journalOf(daemon.client, id)).length;
  await pause(LEASE_S * 1000);
  const more = (await journalOf(daemon.client, id)).slice(before).filter(({ event }) => event.case !== "lateMessage");
  expect(
    more.map(({ event }) => event.case),
    "entries after the end",
  ).toEqual([]);
}

/** Stops a process; it goes on when told, and in any case in the end. */
function stop(pid: number | undefined): AsyncDisposable & { goOn(): void } {
  if (pid === undefined) throw new Error("there is no runner to stop");
  process.kill(pid, "SIGSTOP");
  const goOn = (): void => {
    process.kill(pid, "SIGCONT");
  };
  return { goOn, [Symbol.asyncDispose]: async () => goOn() };
}
