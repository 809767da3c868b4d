import { readFileSync } from "node:fs";

export type SpawnOptions = {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
};

/** A process that was started and left to itself. */
export type Detached = {
  readonly pid: number;
  /** How it ended: exit code, signal, or why it could not be started; undefined while it runs. */
  readonly end: () => string | undefined;
};

/** The machine's processes, as far as commands use them. */
export interface Processes {
  /** Starts a process that outlives this one; both its outputs go to the open file. */
  detach(options: SpawnOptions & { readonly logFd: number }): Detached;
  /** Runs a process to its end with this process's own input and outputs; returns its exit code. */
  run(options: SpawnOptions): Promise<number>;
  /** Asks a process to end. Whoever calls has made sure that the pid is the right one. */
  terminate(pid: number): void;
  /** Whether a process with this pid exists, also where it belongs to somebody else. */
  exists(pid: number): boolean;
}

export const systemProcesses: Processes = {
  detach({ command: [program = "", ...args], env, cwd, logFd }) {
    const child = startProcess()(program, args, { env, cwd, detached: true, stdio: ["ignore", logFd, logFd] });
    let end: string | undefined;
    child.once("error", (error) => {
      end = error.message;
    });
    child.once("exit", (code, signal) => {
      end = signal ? `signal ${signal}` : `exit code ${code}`;
    });
    child.unref();
    return { pid: child.pid ?? 0, end: () => end };
  },
  run: ({ command: [program = "", ...args], env, cwd }) =>
    new Promise((resolve, reject) => {
      const child = startProcess()(program, args, { env, cwd, stdio: "inherit" });
      child.once("error", reject);
      child.once("exit", (code) => resolve(code ?? 1));
    }),
  terminate: (pid) => void process.kill(pid, "SIGTERM"),
  exists(pid) {
    try {
      process.kill(pid, 0);
      return !isZombie(pid);
    } catch (error) {
      return error instanceof Error && "code" in error && error.code === "EPERM";
    }
  },
};

/** Loaded where a process is started, which most commands never do. */
function startProcess(): typeof import("node:child_process").spawn {
  return process.getBuiltinModule("node:child_process").spawn;
}

/** A process that has ended and that nobody has asked about; in a container it may stay so for ever. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false; // no such file system here
  }
}
