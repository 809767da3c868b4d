import type { Deps } from "../deps.ts";
import { failed, interrupted } from "../failure.ts";
import { type DaemonState, lookForDaemon } from "./local-daemon.ts";
import type { ServerFacts } from "./probe.ts";

const POLL_MS = 25;
const PATIENCE_MS = 20_000;

/** Stops this home's daemon and waits until its process is gone. Returns its pid; undefined where none runs. */
export async function stopDaemon(deps: Deps): Promise<number | undefined> {
  const state = await lookForDaemon(deps);
  const verdict = whomToStop({
    state,
    info: state.running?.info,
    alive: state.record !== undefined && deps.processes.exists(state.record.pid),
  });
  state.running?.client.close();
  if (verdict.kind === "nobody") return undefined;
  if (verdict.kind === "stranger") throw failed(verdict.message, verdict.next);
  deps.processes.terminate(verdict.pid);
  await untilGone(deps, verdict.pid);
  return verdict.pid;
}

type Verdict =
  | { readonly kind: "nobody" }
  | { readonly kind: "daemon"; readonly pid: number }
  | { readonly kind: "stranger"; readonly message: string; readonly next: string };

/**
 * Whether the recorded process may be ended: only one that itself says that it is the recorded pid and serves this
 * home's data. A pid alone proves nothing, as the machine gives it to other programs later.
 */
function whomToStop(seen: {
  readonly state: Pick<DaemonState, "record" | "home">;
  readonly info: Pick<ServerFacts, "pid"> | undefined;
  readonly alive: boolean;
}): Verdict {
  const { record, home } = seen.state;
  if (!record || (!seen.info && !seen.alive)) return { kind: "nobody" };
  if (!seen.info) {
    const message = `process ${record.pid} exists, but does not answer at ${record.url} as the daemon of ${home.root}`;
    return {
      kind: "stranger",
      message,
      next: `look at it (ps -p ${record.pid}) and end it yourself if it is the daemon`,
    };
  }
  if (seen.info.pid === record.pid) return { kind: "daemon", pid: record.pid };
  const message = `${home.record} names process ${record.pid}, but process ${seen.info.pid} answers at ${record.url}`;
  return { kind: "stranger", message, next: "nothing was stopped; try again in a moment" };
}

async function untilGone(deps: Deps, pid: number): Promise<void> {
  const deadline = deps.clock.monotonic() + PATIENCE_MS;
  while (deps.processes.exists(pid)) {
    if (deps.interrupt.aborted) throw interrupted();
    if (deps.clock.monotonic() > deadline) {
      const message = `the local daemon (pid ${pid}) has not ended after ${PATIENCE_MS / 1000} seconds`;
      throw failed(message, "wait longer, or look at its log: stigmer local logs");
    }
    await deps.sleep(POLL_MS, deps.interrupt);
  }
}
