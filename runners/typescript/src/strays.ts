import { readdirSync, readFileSync } from "node:fs";

/** Variable by which everything that a tool server starts is known, wherever it goes. */
export const MARK_VARIABLE = "STIGMER_TOOL_SERVER";

/** What a tool server started that has left the server's process group. */
export type Strays = { readonly mark: string; readonly group: number };

/**
 * Sends a signal to each process that carries the mark in its environment and is in another group. Only where the system shows
 * environments, as Linux does. Not asynchronous, for when this process exits.
 */
export function signalStrays({ mark, group }: Strays, signal: NodeJS.Signals): void {
  const wanted = `${MARK_VARIABLE}=${mark}`;
  for (const name of processes()) {
    if (!read(name, "environ").includes(wanted) || groupOf(name) === group) continue;
    try {
      process.kill(Number(name), signal);
    } catch {
      // It is gone already.
    }
  }
}

function processes(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  } catch {
    return [];
  }
}

/** The third of what comes after the name, which may hold anything, a parenthesis too. */
function groupOf(pid: string): number {
  const stat = read(pid, "stat");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
}

/** Empty for a process of somebody else. */
function read(pid: string, file: "environ" | "stat"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}
