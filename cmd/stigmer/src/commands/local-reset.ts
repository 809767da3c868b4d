import { rename, rm, stat } from "node:fs/promises";
import { type Home, homeOf } from "../backend/home.ts";
import { isOfHome, lookForDaemon, portOf } from "../backend/local-daemon.ts";
import { probe } from "../backend/probe.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { EXIT, Failure, failed } from "../failure.ts";
import { confirm } from "../output/confirm.ts";

export type ResetOptions = GlobalOptions & { readonly yes?: boolean; readonly fromBackup?: boolean };

/** Removes the data of a daemon that does not run, or lets the daemon's program put the newest backup in its place. */
export async function reset(deps: Deps, options: ResetOptions): Promise<void> {
  const home = homeOf(deps);
  await requireStopped(deps, home);
  if (options.fromBackup) return await restore(deps, home, options);
  if (!(await stat(home.data).catch(() => undefined))) {
    return await deps.stdout.write(`there is no data in ${home.data}\n`);
  }
  await confirm(deps, `remove all agents, executions, backups and everything else in ${home.data}?`, options.yes);
  await requireStopped(deps, home);
  const doomed = `${home.data}.removed-${deps.clock.now()}`;
  try {
    // Renamed first: whatever happens while it is removed, no daemon finds half of it.
    await rename(home.data, doomed);
    await rm(doomed, { recursive: true, force: true });
  } catch (error) {
    throw failed(`can't remove ${home.data}: ${error instanceof Error ? error.message : error}`, "remove it by hand");
  }
  await deps.stdout.write(`removed ${home.data}\n`);
}

async function restore(deps: Deps, home: Home, options: ResetOptions): Promise<void> {
  await confirm(deps, `replace ${home.data} by its newest backup?`, options.yes);
  await requireStopped(deps, home);
  const command = [...deps.daemonCommand, "--restore-backup"];
  const env = { ...deps.env, STIGMER_HOME: home.root };
  const code = await deps.processes.run({ command, env, cwd: deps.cwd });
  if (code !== 0)
    throw new Failure(EXIT.failed, `the backup was not restored (exit code ${code})`, "the line above says why");
}

/** Looks by the daemon's own record, and at the port that it would have, as the record may be gone. */
async function requireStopped(deps: Deps, home: Home): Promise<void> {
  const { running, record } = await lookForDaemon(deps);
  running?.client.close();
  const pid = running ? running.info.pid : await pidOnPort(deps, home);
  if (pid !== undefined) throw failed(`the local daemon is running (pid ${pid})`, "stop it first: stigmer local stop");
  if (record && deps.processes.exists(record.pid)) {
    const message = `process ${record.pid} may be the local daemon, although it does not answer at ${record.url}`;
    throw failed(message, `look at it (ps -p ${record.pid}); where it is another program, remove ${home.record}`);
  }
}

async function pidOnPort(deps: Deps, home: Home): Promise<number | undefined> {
  const port = await portOf(deps, home, undefined);
  const answer = port ? await probe(deps, `http://127.0.0.1:${port}`) : undefined;
  answer?.client.close();
  return answer && isOfHome(answer.info, home) ? answer.info.pid : undefined;
}
