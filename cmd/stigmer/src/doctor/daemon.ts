import type { LightClient } from "@stigmer/client/light";
import { AgentQueryController, RunnerQueryController } from "@stigmer/contracts/agentic";
import { lookForDaemon, portOf, type RunningDaemon } from "../backend/local-daemon.ts";
import { probe } from "../backend/probe.ts";
import type { Deps } from "../deps.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

const CALL_MS = 5000;
const MAX_RUNNERS = 1000;
const RUNNER_MS = 5000;
const POLL_MS = 100;

/** The daemon of this home, where it runs, and what is to be said of it. The caller closes its client. */
export async function checkDaemon(
  deps: Deps,
): Promise<{ readonly running: RunningDaemon | undefined; readonly finding: Finding }> {
  const { home, record, running, hangs } = await lookForDaemon(deps);
  if (running) return { running, finding: aboutRunning(deps, running) };
  if (record && hangs) {
    const message = `process ${record.pid} does not answer at ${record.url}`;
    return { running, finding: broken("daemon", message, `look at it (ps -p ${record.pid}) and end it yourself`) };
  }
  const port = await portOf(deps, home, undefined);
  const onPort = port ? await probe(deps, `http://127.0.0.1:${port}`) : undefined;
  onPort?.client.close();
  if (onPort) {
    const message = `port ${port} belongs to another daemon (pid ${onPort.info.pid}, data in ${onPort.info.dataDir || "another place"})`;
    return { running, finding: broken("daemon", message, `stigmer config set port ${port + 1}`) };
  }
  const message = "not running; the first command that needs it starts it";
  return { running, finding: warning("daemon", message, "stigmer local start") };
}

/** A runner comes a moment after its daemon. */
export async function checkRunner(deps: Deps, client: LightClient): Promise<Finding> {
  const deadline = deps.clock.monotonic() + RUNNER_MS;
  for (;;) {
    const call = { signal: deps.interrupt, timeoutMs: CALL_MS };
    const { items } = await client.service(RunnerQueryController).list({ pageSize: MAX_RUNNERS }, call);
    const names = items.flatMap(({ metadata, status }) => (status?.connected ? [metadata?.name ?? ""] : []));
    if (names.length > 0) return ok("runner", `${names.join(", ")} connected`);
    if (deps.clock.monotonic() >= deadline) break;
    await deps.sleep(POLL_MS, deps.interrupt);
  }
  return broken("runner", "none is connected, so no execution gets anywhere", "stigmer local restart");
}

/** A read goes through to the disk. */
export async function checkStore(deps: Deps, { client, info }: RunningDaemon): Promise<Finding> {
  await client.service(AgentQueryController).list({ pageSize: 1 }, { signal: deps.interrupt, timeoutMs: CALL_MS });
  return ok("store", info.dataDir);
}

function aboutRunning({ version }: Pick<Deps, "version">, { info, url }: RunningDaemon): Finding {
  const where = `${info.version} at ${url} (pid ${info.pid})`;
  if (info.version === version) return ok("daemon", where);
  return warning("daemon", `${where}, but this program is ${version}`, "stigmer local restart");
}
