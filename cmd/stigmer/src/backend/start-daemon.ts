import { mkdir, open } from "node:fs/promises";
import type { Deps } from "../deps.ts";
import { type Failure, failed, interrupted } from "../failure.ts";
import { type LogLine, lastError, readFrom } from "./daemon-log.ts";
import { readDaemonRecord } from "./daemon-record.ts";
import type { Home } from "./home.ts";
import { hanging, isOfHome, lookForDaemon, portOf, type RunningDaemon } from "./local-daemon.ts";
import { probe } from "./probe.ts";
import type { Detached } from "./processes.ts";
import { explainStart } from "./start-failure.ts";

export type Started = { readonly daemon: RunningDaemon; readonly alreadyRunning: boolean };

const POLL_MS = 5;
const PATIENCE_MS = 15_000;
/** Time that another daemon of this home gets to answer, where ours ended; it may be starting just now. */
const GRACE_MS = { other: 5000, none: 100 } as const;
const STRANGER_PATIENCE_MS = 500;
const LOG_TAIL_BYTES = 64 * 1024;

/** Starts this home's daemon and waits until it answers; one that runs already is left alone. */
export async function startDaemon(deps: Deps, options: { readonly port?: string | undefined } = {}): Promise<Started> {
  const { home, record, running, hangs } = await lookForDaemon(deps);
  if (running) return { daemon: running, alreadyRunning: true };
  if (record && hangs) throw hanging(record);
  const port = await portOf(deps, home, options.port);
  const launched = await launch(deps, home, port);
  const daemon = await untilAnswering(deps, launched);
  if (daemon) return { daemon, alreadyRunning: daemon.info.pid !== launched.child.pid };
  if (launched.child.end() !== undefined) throw await startFailure(deps, launched);
  const message = `the local daemon (pid ${launched.child.pid}) does not answer after ${PATIENCE_MS / 1000} seconds`;
  throw failed(message, "its log may say why: stigmer local logs");
}

type Launch = { readonly home: Home; readonly port: number; readonly child: Detached; readonly logStart: number };

/** Without it glibc keeps what each of its threads has freed. */
const FEW_ARENAS = { MALLOC_ARENA_MAX: "2" };

async function launch(deps: Deps, home: Home, port: number): Promise<Launch> {
  await mkdir(home.logs, { recursive: true, mode: 0o700 }).catch(unwritable(home));
  const log = await open(home.log, "a", 0o600).catch(unwritable(home));
  try {
    const { size } = await log.stat();
    const env = { ...FEW_ARENAS, ...deps.env, STIGMER_HOME: home.root, STIGMER_PORT: String(port) };
    const child = deps.processes.detach({ command: deps.daemonCommand, env, cwd: home.root, logFd: log.fd });
    return { home, port, child, logStart: size };
  } finally {
    await log.close();
  }
}

async function untilAnswering(deps: Deps, launched: Launch): Promise<RunningDaemon | undefined> {
  let deadline = deps.clock.monotonic() + PATIENCE_MS;
  // What asks it takes a while to load, and there is time for that now.
  (await deps.connect(`http://127.0.0.1:${launched.port}`)).close();
  let ended = false;
  while (deps.clock.monotonic() < deadline) {
    if (deps.interrupt.aborted) throw interrupted();
    const daemon = await answering(deps, launched.home);
    if (daemon) return daemon;
    if (!ended && launched.child.end() !== undefined) {
      ended = true;
      deadline = deps.clock.monotonic() + graceOf(await errorOf(launched));
    }
    await deps.sleep(POLL_MS, deps.interrupt);
  }
  return undefined;
}

/** This home's daemon, once it has said where it listens and answers there. */
async function answering(deps: Deps, home: Home): Promise<RunningDaemon | undefined> {
  const record = readDaemonRecord(home.record);
  if (!record || !deps.processes.exists(record.pid)) return undefined;
  const answer = await probe(deps, record.url);
  if (answer && answer.info.pid === record.pid && isOfHome(answer.info, home)) {
    return { ...answer, url: record.url };
  }
  answer?.client.close();
  return undefined;
}

/** Of two that are started at once the second finds the data folder taken; both callers get the first. */
function graceOf(error: LogLine | undefined): number {
  return error?.fields.reason === "STORE_LOCKED" ? GRACE_MS.other : GRACE_MS.none;
}

async function errorOf({ home, logStart }: Launch): Promise<LogLine | undefined> {
  return lastError(await readFrom(home.log, logStart, LOG_TAIL_BYTES).catch(() => ""));
}

async function startFailure(deps: Deps, launched: Launch): Promise<Failure> {
  const { home, port, child } = launched;
  const onPort = port ? await probe(deps, `http://127.0.0.1:${port}`, STRANGER_PATIENCE_MS) : undefined;
  onPort?.client.close();
  const error = await errorOf(launched);
  return explainStart({ error, pid: child.pid, end: child.end() ?? "", home, port, onPort: onPort?.info });
}

function unwritable(home: Home): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    throw failed(
      `can't write below ${home.root}: ${error.code ?? error.message}`,
      "make the folder writable, or choose another with STIGMER_HOME",
    );
  };
}
