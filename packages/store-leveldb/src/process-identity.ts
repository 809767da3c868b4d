import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/**
 * When a process was started, in words that differ for two processes that had one pid after the other; undefined where
 * there is no such process, or only its zombie.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  return process.platform === "linux" ? await startOnLinux(pid) : await startElsewhere(pid);
}

// The 22nd field is in clock ticks since the boot, so the boot belongs to it. The second field may hold anything.
async function startOnLinux(pid: number): Promise<string | undefined> {
  const [stat, boot] = await Promise.all([textOf(`/proc/${pid}/stat`), textOf("/proc/sys/kernel/random/boot_id")]);
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
  if (state === undefined || state === "Z" || state === "X") return undefined;
  return `${fields[18]} ${boot?.trim() ?? ""}`;
}

async function startElsewhere(pid: number): Promise<string | undefined> {
  try {
    const ask = promisify(execFile);
    const { stdout } = await ask("/bin/ps", ["-o", "lstart=", "-p", `${pid}`], { env: { LC_ALL: "C", TZ: "UTC" } });
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}

async function textOf(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch(() => undefined);
}
