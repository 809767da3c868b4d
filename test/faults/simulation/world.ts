import type { Log } from "@stigmer/base";
import { ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { createBackendHost } from "./backend.ts";
import { createClients } from "./clients.ts";
import { createDisk } from "./disk.ts";
import { endFaults, FAULTS, type Victims } from "./faults.ts";
import { takeOverGlobals } from "./globals.ts";
import { createInspector } from "./inspector.ts";
import type { JournalCheck } from "./journal-check.ts";
import { createLedger } from "./ledger.ts";
import { createModel } from "./model.ts";
import { createNetwork } from "./network.ts";
import { createRandom, type Random } from "./random.ts";
import { type SimRunner, startRunner } from "./runners.ts";
import { createToolWorld } from "./tools.ts";
import { createTrace } from "./trace.ts";
import { createVirtualTime } from "./virtual-time.ts";
import { createWallClock } from "./wall-clock.ts";

/** What became of one seed. */
export type Outcome = {
  readonly seed: number;
  /** Promises that were broken; none in a good world. */
  readonly broken: readonly string[];
  /** Of all that happened, in order. */
  readonly digest: string;
  readonly lines: readonly string[];
  readonly counts: Counts;
};

export type Counts = {
  readonly faults: number;
  readonly executions: number;
  readonly commits: number;
  readonly effects: number;
  /** Executions by how they ended. */
  readonly ends: Readonly<Record<string, number>>;
  /** Leases, and tries of steps after the first. */
  readonly leases: number;
  readonly retries: number;
  /** Tries that a person wanted after an outcome was lost. */
  readonly approvedAgain: number;
  readonly virtualMs: number;
};

const FAULTS_UNTIL_MS = 45_000;
const WORK_UNTIL_MS = 35_000;
/** What an execution may need when nothing goes wrong any more: leases, outages and calls that nobody answers. */
const REST_MS = 400_000;
const LEASE_MS = 15_000;

/** Lets one world run: a backend, its runners and clients, and what goes wrong, all of it decided by the seed. */
export async function simulate(seed: number): Promise<Outcome> {
  const world = createWorld(seed);
  using _ = world.globals;
  return await world.run();
}

function createWorld(seed: number) {
  const random = createRandom(seed);
  const time = createVirtualTime((error) =>
    ledger.breaks(`an event failed: ${error instanceof Error ? error.stack : error}`),
  );
  const wall = createWallClock(time.now);
  const trace = createTrace(time.now);
  const ledger = createLedger(trace.note);
  const network = createNetwork(time, random.fork("network"));
  const globals = takeOverGlobals(time, random.fork("globals"), wall.now);
  const log = watchedLog(trace.note);
  const disk = createDisk({ time, random: random.fork("disk"), crash: (_, why) => backend.crash(why) });
  const provider = createModel(seed, random.fork("model"));
  const inspector = createInspector({ network, ledger });
  const backend = createBackendHost({
    ...{ time, clock: wall, network, disk, trace, log, leaseDurationMs: LEASE_MS },
    resolve: (model) => ({ provider, model }),
    observe: ledger.observe,
    serves: () => void inspector.inspect("running").catch(() => {}),
  });
  const tools = createToolWorld({ time, random: random.fork("tools"), trace, asked: ledger.asked });
  const clients = createClients({ network, random: random.fork("clients"), trace, ...ledger });
  const startRunners = (): SimRunner[] => {
    const draws = random.fork("runners");
    const deps = { network, random: draws, trace, tools, received: ledger.received, sent: ledger.sent };
    return Array.from({ length: draws.int(1, 3) }, (_, at) =>
      startRunner({ ...deps, exited: at === 0 ? backend.runnerExited : undefined }, `runner-${at}`, draws.int(1, 4)),
    );
  };
  const unhandled = (error: unknown): void =>
    ledger.breaks(`nobody handled ${error instanceof Error ? error.stack : String(error)}`);

  async function run(): Promise<Outcome> {
    process.on("unhandledRejection", unhandled);
    backend.keepUp();
    await time.run(5_000, () => backend.isUp);
    await awaited(clients.prepare());
    const victims: Victims = {
      time,
      wall,
      disk,
      network,
      backend,
      runners: startRunners(),
      random: random.fork("faults"),
    };
    const began = time.now();
    clients.act(began + WORK_UNTIL_MS);
    const faults = planFaults(victims, random.fork("plan"), trace.note);
    await time.run(began + FAULTS_UNTIL_MS, () => ledger.broken.length > 0);
    endFaults(victims);
    trace.note("the faults are over");
    await rest();
    ledger.settle(tools.effects.values());
    process.off("unhandledRejection", unhandled);
    const effects = sum([...tools.effects.values()].map(({ count }) => count));
    const counts = { faults, commits: disk.writes(), effects, virtualMs: time.now(), ...countsOf(ledger.journals) };
    return { seed, broken: ledger.broken, digest: trace.digest(), lines: trace.lines(), counts };
  }

  /** Until everything has ended; what has not by then is stuck. */
  async function rest(): Promise<void> {
    const until = time.now() + REST_MS;
    let open: readonly string[] | undefined;
    while (time.now() < until && ledger.broken.length === 0) {
      open = await awaited(inspector.unfinished()).catch(() => undefined);
      if (open?.length === 0) break;
      await time.run(time.now() + 2_000, () => false);
    }
    if (ledger.broken.length > 0) return;
    if (open === undefined) return ledger.breaks("the backend does not answer after the faults");
    for (const one of open) ledger.breaks(`${one} and does not end`);
    await time.run(time.now() + 2_000, () => false);
    await awaited(inspector.inspect("at rest"));
  }

  /** Lets time pass until a promise settles, at most a minute. */
  async function awaited<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const over = promise.then(
      () => (settled = true),
      () => (settled = true),
    );
    await time.run(time.now() + 60_000, () => settled);
    if (!settled) throw new Error("nothing came of it within a minute");
    await over;
    return await promise;
  }

  return { globals, run };
}

function countsOf(journals: ReadonlyMap<string, JournalCheck>) {
  const all = [...journals.values()];
  const steps = all.flatMap(({ steps: of }) => [...of.values()]);
  const ends: Record<string, number> = {};
  for (const { view } of all) {
    const name = `${Phase[view.phase]}${view.phase === Phase.FAILED ? ` ${view.error}` : ""}`;
    ends[name] = (ends[name] ?? 0) + 1;
  }
  return {
    executions: all.length,
    ends,
    leases: sum(all.map(({ view }) => Number(view.epoch))),
    retries: sum(steps.map(({ attempts }) => Math.max(0, attempts - 1))),
    approvedAgain: sum(steps.map(({ again }) => again)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** Draws what goes wrong, and when: some of it while something else is being got over. */
function planFaults(victims: Victims, random: Random, note: (what: string) => void): number {
  const count = random.int(1, 12);
  let at = 0;
  for (let left = count; left > 0; left--) {
    const fault = random.pick(FAULTS);
    at = random.chance(0.3) ? at + random.between(0, 3_000) : random.between(500, FAULTS_UNTIL_MS - 4_000);
    victims.time.after(victims.time.current(), Math.min(at, FAULTS_UNTIL_MS - 1_000), () => {
      note(`fault: ${fault.name}`);
      fault.strike(victims);
    });
  }
  return count;
}

/** The engine's log; its warnings are part of what happened. */
function watchedLog(note: (what: string) => void): Log {
  const write = (level: string) => (fields: Record<string, unknown>, message: string) => {
    const cause = fields.err ?? fields.error;
    note(`${level} ${message}${cause instanceof Error ? `: ${cause.message}` : ""}`);
  };
  return { debug: () => {}, info: () => {}, warn: write("warn"), error: write("error") };
}
