import type { BackendHost } from "./backend.ts";
import { type Disk, USUAL_MS, type WriteFault } from "./disk.ts";
import { CALM, type Network, type Weather } from "./network.ts";
import type { Random } from "./random.ts";
import type { SimRunner } from "./runners.ts";
import type { SimProcess, VirtualTime } from "./virtual-time.ts";
import type { WallClock } from "./wall-clock.ts";

/** What faults happen to. */
export type Victims = {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly backend: BackendHost;
  readonly runners: readonly SimRunner[];
  readonly disk: Disk;
  readonly network: Network;
  readonly wall: WallClock;
};

export type Fault = { readonly name: string; readonly strike: (victims: Victims) => void };

const STORMY: Weather = { latencyMs: [0.1, 40], cut: 0.1, repeat: 0.1, noticeMs: 4_000 };
const FOGGY: Weather = { latencyMs: [5, 1_500], cut: 0.03, repeat: 0.2, noticeMs: 20_000 };

/** Each as likely as any other; one that should come more often stands here more often. */
export const FAULTS: readonly Fault[] = [
  { name: "backend crashes", strike: ({ backend }) => backend.crash("killed") },
  { name: "backend restarts", strike: ({ backend }) => backend.stop() },
  ...writeFaults("crash-before", "crash-after", "crash-before", "crash-after", "refused", "stored-and-refused"),
  {
    name: "disk full",
    strike: (victims) => lasting(victims, [200, 9_000], setter(victims.disk, "isFull", true, false)),
  },
  {
    name: "disk slow",
    strike: (victims) => lasting(victims, [500, 8_000], setter(victims.disk, "slowestMs", 1_500, USUAL_MS)),
  },
  { name: "runner crashes", strike: ({ random, runners }) => random.pick(runners).crash() },
  { name: "all runners crash", strike: (victims) => each(victims, (runner) => runner.crash()) },
  {
    name: "runner and backend crash",
    strike: ({ backend, random, runners }) => {
      random.pick(runners).crash();
      backend.crash("killed with a runner");
    },
  },
  { name: "runner hangs", strike: (victims) => hang(victims, [1_000, 12_000]) },
  { name: "runner hangs past its lease", strike: (victims) => hang(victims, [15_000, 40_000]) },
  { name: "runner is cut off", strike: ({ network, random, runners }) => network.cutAll(random.pick(runners).process) },
  { name: "runner is isolated", strike: isolate },
  { name: "clock jumps ahead", strike: ({ wall, random }) => wall.jump(random.between(1_000, 7_200_000)) },
  { name: "clock jumps back", strike: ({ wall, random }) => wall.jump(-random.between(1_000, 7_200_000)) },
  {
    name: "storm",
    strike: (victims) => lasting(victims, [1_000, 15_000], setter(victims.network, "weather", STORMY, CALM)),
  },
  {
    name: "fog",
    strike: (victims) => lasting(victims, [1_000, 15_000], setter(victims.network, "weather", FOGGY, CALM)),
  },
];

/** Ends whatever still lasts. */
export function endFaults({ disk, network, runners }: Victims): void {
  disk.mend();
  network.weather = CALM;
  for (const runner of runners) {
    runner.thaw();
    network.join(runner.process);
  }
}

function writeFaults(...faults: readonly WriteFault[]): Fault[] {
  return faults.map((fault) => ({
    name: `write ${fault}`,
    strike: ({ disk, random }) => disk.failAfter(random.int(0, 12), fault),
  }));
}

type Lasting = { readonly begin: () => void; readonly end: () => void };

function setter<T, K extends keyof T>(on: T, name: K, bad: T[K], usual: T[K]): Lasting {
  const set = (to: T[K]): void => {
    on[name] = to;
  };
  return { begin: () => set(bad), end: () => set(usual) };
}

function lasting({ time, random }: Victims, range: readonly [number, number], { begin, end }: Lasting): void {
  begin();
  time.after(time.current(), random.between(...range), end);
}

function hang(victims: Victims, range: readonly [number, number]): void {
  const { freeze, thaw } = bound(victims.random.pick(victims.runners), victims.time);
  lasting(victims, range, { begin: freeze, end: thaw });
}

/** The process that a runner is now: another that it becomes later does not hang. */
function bound({ process }: SimRunner, time: VirtualTime) {
  return { freeze: () => time.freeze(process), thaw: () => time.thaw(process) };
}

function isolate(victims: Victims): void {
  const { network, random, runners } = victims;
  const process: SimProcess = random.pick(runners).process;
  lasting(victims, [1_000, 25_000], {
    begin: () => network.isolate(process),
    end: () => network.join(process),
  });
}

function each({ runners }: Victims, act: (runner: SimRunner) => void): void {
  for (const runner of runners) act(runner);
}
