import { homeOf } from "../backend/home.ts";
import { portOf } from "../backend/local-daemon.ts";
import { startDaemon } from "../backend/start-daemon.ts";
import { stopDaemon } from "../backend/stop-daemon.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { formatOf } from "../output/format.ts";
import { formatJson } from "../output/structured.ts";

export type StartOptions = GlobalOptions & { readonly port?: string };

export async function start(deps: Deps, options: StartOptions): Promise<void> {
  const format = localFormat(deps, options);
  const { daemon, alreadyRunning } = await startDaemon(deps, { port: options.port });
  daemon.client.close();
  const { url, info } = daemon;
  if (format === "json") return await deps.stdout.write(formatJson({ url, pid: Number(info.pid), alreadyRunning }));
  const verb = alreadyRunning ? "runs already" : "is running";
  await deps.stdout.write(`the local daemon ${verb}: ${url} (pid ${info.pid})\n`);
}

export async function stop(deps: Deps, options: GlobalOptions): Promise<void> {
  const format = localFormat(deps, options);
  const pid = await stopDaemon(deps);
  if (format === "json") return await deps.stdout.write(formatJson({ stopped: pid !== undefined, pid: pid ?? null }));
  const text = pid === undefined ? "the local daemon is not running" : `stopped the local daemon (pid ${pid})`;
  await deps.stdout.write(`${text}\n`);
}

export async function restart(deps: Deps, options: StartOptions): Promise<void> {
  localFormat(deps, options);
  await portOf(deps, homeOf(deps), options.port); // a port that is none must not cost the running daemon
  const pid = await stopDaemon(deps);
  if (pid !== undefined) await deps.stderr.write(`stopped the local daemon (pid ${pid})\n`);
  await start(deps, options);
}

function localFormat(deps: Deps, options: GlobalOptions): string {
  return formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json"] });
}
