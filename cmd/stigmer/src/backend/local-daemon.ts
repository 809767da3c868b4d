import type { LightClient } from "@stigmer/client/light";
import type { Deps } from "../deps.ts";
import { EXIT, Failure, failed, misused } from "../failure.ts";
import { type DaemonRecord, readDaemonRecord } from "./daemon-record.ts";
import { type Home, homeOf, samePath } from "./home.ts";
import { ask, type ServerFacts } from "./probe.ts";

const DEFAULT_PORT = 50_051;

/** The daemon of this user's home, as it answers. */
export type RunningDaemon = { readonly client: LightClient; readonly info: ServerFacts; readonly url: string };

/** What is known of this home's daemon. */
export type DaemonState = {
  readonly home: Home;
  readonly record: DaemonRecord | undefined;
  /** Set where it answers and says that it serves this home's data. */
  readonly running: RunningDaemon | undefined;
  /** Whether its process is there and takes connections, but says nothing. */
  readonly hangs: boolean;
};

/** Looks whether this home's daemon runs. What answers from another home's data is not it. */
export async function lookForDaemon(deps: Deps): Promise<DaemonState> {
  const home = homeOf(deps);
  const record = readDaemonRecord(home.record);
  if (!record) return { home, record, running: undefined, hangs: false };
  const answer = await ask(deps, record.url);
  if (typeof answer === "string") {
    return { home, record, running: undefined, hangs: answer === "silent" && deps.processes.exists(record.pid) };
  }
  if (isOfHome(answer.info, home)) return { home, record, running: { ...answer, url: record.url }, hangs: false };
  answer.client.close();
  return { home, record, running: undefined, hangs: false };
}

/** Why none is started beside a daemon that hangs: it has the data. */
export function hanging({ pid, url }: DaemonRecord): Failure {
  const message = `the local daemon (pid ${pid}) does not answer at ${url}`;
  return new Failure(EXIT.unreachable, message, `wait a moment, or look at it (ps -p ${pid}) and end it yourself`);
}

export function isOfHome(info: Pick<ServerFacts, "dataDir">, home: Home): boolean {
  return info.dataDir !== "" && samePath(info.dataDir, home.data);
}

/** The port that a daemon of this home is started on: the flag, the environment, the configuration, 50051. */
export async function portOf(deps: Deps, home: Home, flag: string | undefined): Promise<number> {
  if (flag !== undefined) return parsePort(flag, "--port");
  if (deps.env.STIGMER_PORT) return parsePort(deps.env.STIGMER_PORT, "STIGMER_PORT");
  // What reads YAML is large, and a daemon that runs needs no port.
  const { getSetting, readConfig } = await import("../config/file.ts");
  const configured = getSetting(await readConfig(home.config), ["port"]);
  if (configured === undefined || configured === null) return DEFAULT_PORT;
  if (typeof configured === "number" && isPort(configured)) return configured;
  throw failed(`the configured port is not a port: ${String(configured)}`, "set it: stigmer config set port 50051");
}

function parsePort(text: string, source: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && isPort(port)) return port;
  throw misused(`${source} must be a port from 0 to 65535, not "${text}"`);
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 65_535;
}
