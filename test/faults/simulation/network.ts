import { Code, ConnectError } from "@connectrpc/connect";
import type { BoundMethod } from "@stigmer/server";
import type { Random } from "./random.ts";
import type { SimProcess, VirtualTime } from "./virtual-time.ts";

/** How well messages get through. */
export type Weather = {
  /** Shortest and longest time that a message takes, in milliseconds. */
  readonly latencyMs: readonly [number, number];
  /** How often a call is cut off: before its request arrives, or at some time afterwards. */
  readonly cut: number;
  /** How often a message arrives twice, or a whole call does. */
  readonly repeat: number;
  /** Longest time until an end notices that the line is cut. */
  readonly noticeMs: number;
};

export const CALM: Weather = { latencyMs: [0.1, 2], cut: 0, repeat: 0, noticeMs: 20 };

/** What one process serves. */
export type Host = { readonly process: SimProcess; readonly methods: ReadonlyMap<string, BoundMethod> };

/** One call on its way between two processes. Nothing of it arrives at an end that noticed that it is cut. */
export interface Wire {
  readonly client: SimProcess;
  readonly server: SimProcess;
  /** Something arrives at the other end, after what was sent before it; perhaps twice, where it may. */
  toServer(arrive: () => void, repeat?: "may-repeat"): void;
  toClient(arrive: () => void, repeat?: "may-repeat"): void;
  onCutAtClient(notice: (error: ConnectError) => void): void;
  onCutAtServer(notice: () => void): void;
  close(): void;
}

/** Lines between processes; between two of them messages of one call stay in order, those of different calls don't. */
export interface Network {
  weather: Weather;
  host: Host | undefined;
  readonly time: VirtualTime;
  readonly random: Random;
  /** A line from a client to whoever serves at this moment; undefined where nobody can be reached. */
  dial(client: SimProcess): Wire | undefined;
  /** Cuts every line that a process has, both ends noticing soon. */
  cutAll(process: SimProcess): void;
  /** Nobody reaches the process, and it reaches nobody, until it is joined again. */
  isolate(process: SimProcess): void;
  join(process: SimProcess): void;
  latency(): number;
}

type Line = Wire & { readonly cut: () => void };

export function createNetwork(time: VirtualTime, random: Random): Network {
  const lines = new Set<Line>();
  const isolated = new Set<SimProcess>();
  const network: Network = {
    weather: CALM,
    host: undefined,
    time,
    random,
    dial(client) {
      const { host } = network;
      if (!host || isolated.has(client) || isolated.has(host.process)) return undefined;
      const line = createLine(network, { client, server: host.process, forget: () => lines.delete(line) });
      lines.add(line);
      if (random.chance(network.weather.cut)) time.after(WORLD, random.pick(CUT_AFTER_MS) * random.next(), line.cut);
      return line;
    },
    cutAll(process) {
      for (const line of [...lines]) if (line.client === process || line.server === process) line.cut();
    },
    isolate(process) {
      isolated.add(process);
      network.cutAll(process);
    },
    join: (process) => void isolated.delete(process),
    latency: () => random.between(...network.weather.latencyMs),
  };
  return network;
}

/** Nobody's: what happens to a line happens whoever is frozen. */
const WORLD: SimProcess = { name: "network", alive: true, frozen: false, held: [] };
const CUT_AFTER_MS = [2, 20, 500, 5_000];

type Ends = { readonly client: SimProcess; readonly server: SimProcess; readonly forget: () => void };

function createLine(network: Network, { client, server, forget }: Ends): Line {
  const { time, random } = network;
  const noticed = { client: false, server: false };
  const arrivals = { client: 0, server: 0 };
  let isCut = false;
  let noticeAtClient = (_: ConnectError): void => {};
  let noticeAtServer = (): void => {};

  const send = (to: "client" | "server", arrive: () => void, repeat?: "may-repeat"): void => {
    if (isCut || !time.current().alive) return;
    const times = repeat && random.chance(network.weather.repeat) ? 2 : 1;
    arrivals[to] = Math.max(arrivals[to], time.now() + network.latency());
    for (let count = 0; count < times; count++)
      time.after(to === "client" ? client : server, arrivals[to] - time.now(), () => {
        if (!noticed[to]) arrive();
      });
  };
  const notice = (end: "client" | "server", act: () => void): void => {
    const delay = random.chance(0.8) ? network.latency() : random.between(0, network.weather.noticeMs);
    time.after(end === "client" ? client : server, delay, () => {
      noticed[end] = true;
      act();
    });
  };
  return {
    client,
    server,
    toServer: (arrive, repeat) => send("server", arrive, repeat),
    toClient: (arrive, repeat) => send("client", arrive, repeat),
    onCutAtClient: (act) => {
      noticeAtClient = act;
    },
    onCutAtServer: (act) => {
      noticeAtServer = act;
    },
    close: forget,
    cut() {
      if (isCut) return;
      isCut = true;
      forget();
      notice("client", () => noticeAtClient(unreachable()));
      notice("server", noticeAtServer);
    },
  };
}

export function unreachable(): ConnectError {
  return new ConnectError("the connection to the backend was lost", Code.Unavailable);
}
