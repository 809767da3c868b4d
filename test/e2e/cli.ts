import { type SpawnOptions, spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./harness.ts";

export type CliResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type CliOptions = {
  readonly home: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Whom to run as, where the test may choose. */
  readonly uid?: number;
};

const LIMIT_MS = 60_000;

/** Runs the CLI as a user would, off a terminal. */
export async function stigmer(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const base = { PATH: process.env.PATH ?? "", HOME: options.home, STIGMER_HOME: options.home };
  const setup: SpawnOptions = {
    cwd: options.cwd ?? options.home,
    env: { ...base, ...options.env },
    stdio: "pipe",
    timeout: LIMIT_MS,
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  };
  const child = spawn(join(ROOT, "dist/bin/stigmer"), args, setup);
  child.stdin?.end(options.stdin ?? "");
  const [stdout, stderr, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve, reject) => {
      child.once("exit", resolve);
      child.once("error", reject);
    }),
  ]);
  return { code, stdout, stderr };
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) text += chunk;
  return text;
}
