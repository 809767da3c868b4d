import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export type Ran = { readonly ok: boolean; readonly output: string };

/** Runs pieces of shell one after the other as a reader would: the folder and exported variables stay. */
export interface ShellSession extends AsyncDisposable {
  /** Runs the code under `bash -euo pipefail`, without input; what it leaves running goes on until the session ends. */
  run(code: string): Promise<Ran>;
}

export type SessionOptions = {
  /** The session's own files. */
  readonly dir: string;
  /** Where the first piece starts. */
  readonly cwd: string;
  /** The whole environment; nothing of ours is passed on. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

export async function openShellSession({ dir, cwd, env, timeoutMs }: SessionOptions): Promise<ShellSession> {
  await mkdir(dir, { recursive: true });
  await Promise.all([writeFile(join(dir, "env"), ""), writeFile(join(dir, "cwd"), `${cwd}\n`)]);
  const groups: number[] = [];
  return {
    async run(code) {
      const script = join(dir, `block-${groups.length}.sh`);
      const log = `${script}.log`;
      await writeFile(script, `${SCRIPT_HEAD}${code}\n`);
      const ended = await runGroup(["bash", "-euo", "pipefail", script], {
        env: { ...env, SHELL_SESSION: dir },
        log,
        timeoutMs,
        groups,
      });
      const output = await readFile(log, "utf8");
      return { ok: ended === "", output: ended === "" ? output : `${output}${ended}\n` };
    },
    async [Symbol.asyncDispose]() {
      for (const group of groups) endGroup(group);
    },
  };
}

/** Takes up where the piece before ended, and writes down where this one ends. */
const SCRIPT_HEAD = `. "$SHELL_SESSION/env"
cd "$(cat "$SHELL_SESSION/cwd")"
trap 'export -p > "$SHELL_SESSION/env"; pwd > "$SHELL_SESSION/cwd"' EXIT
`;

type GroupOptions = {
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
  readonly timeoutMs: number;
  readonly groups: number[];
};

/** Runs a command as a process group of its own; resolves to how it failed, or to nothing. */
async function runGroup([program = "", ...args]: readonly string[], options: GroupOptions): Promise<string> {
  // A file, as a process left in the background would keep a pipe open.
  const log = openSync(options.log, "w");
  const child = spawn(program, args, { env: options.env, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  const group = child.pid;
  if (group !== undefined) options.groups.push(group);
  const timer = setTimeout(() => group !== undefined && endGroup(group), options.timeoutMs);
  const [code, signal]: unknown[] = await once(child, "exit");
  clearTimeout(timer);
  return code === 0 ? "" : code === null ? `ended by ${signal} (limit ${options.timeoutMs} ms)` : `exit code ${code}`;
}

function endGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
}
