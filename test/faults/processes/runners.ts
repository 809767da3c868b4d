import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import { RunnerQueryController, type RunnerStatus } from "@stigmer/contracts/agentic";
import { eventually, ROOT, type TestDaemon } from "@stigmer/e2e/harness";
import { whileAway } from "./person.ts";

/** A bundled runner that the test has started, and not the daemon. */
export interface OwnRunner extends AsyncDisposable {
  readonly name: string;
  readonly process: ChildProcess;
}

/** Starts a runner and waits until the daemon knows it. */
export async function startRunner(daemon: TestDaemon, name: string, slots = 8): Promise<OwnRunner> {
  const log = openSync(join(daemon.home, `logs/${name}.log`), "a");
  const own = { STIGMER_ENDPOINT: daemon.url, STIGMER_RUNNER_NAME: name, STIGMER_RUNNER_SLOTS: String(slots) };
  const child = spawn(process.execPath, [join(ROOT, "dist/lib/stigmer-runner.mjs")], {
    stdio: ["ignore", log, log],
    env: { PATH: process.env.PATH ?? "", HOME: daemon.home, ...own },
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  await connected(daemon, name);
  return {
    name,
    process: child,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** Waits until a runner of this name is connected. */
async function connected(daemon: TestDaemon, name: string): Promise<void> {
  await eventually(async () => ((await statusOf(daemon, name))?.connected ? true : undefined), `runner ${name}`);
}

async function statusOf(daemon: TestDaemon, name: string): Promise<RunnerStatus | undefined> {
  const { items = [] } = (await daemon.client.service(RunnerQueryController).list({}).catch(whileAway)) ?? {};
  return items.find(({ metadata }) => metadata?.name === name)?.status;
}
