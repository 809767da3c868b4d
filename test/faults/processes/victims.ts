import { eventually, type TestDaemon } from "@stigmer/e2e/harness";

/** Who is killed, by turns. */
export const VICTIMS = ["runner", "daemon", "both"] as const;

/** Ends them as a crash would, and starts the daemon again where it was one of them. */
export async function kill(daemon: TestDaemon, victim: (typeof VICTIMS)[number]): Promise<void> {
  const runner = await eventually(() => aliveRunner(daemon), "a runner to kill");
  if (victim !== "daemon") process.kill(runner, "SIGKILL");
  if (victim === "runner") return;
  await daemon.kill();
  await daemon.restart();
}

function aliveRunner(daemon: TestDaemon): number | undefined {
  const pid = daemon.runnerPid();
  try {
    return pid && process.kill(pid, 0) ? pid : undefined;
  } catch {
    return undefined;
  }
}
