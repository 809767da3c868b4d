import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "@stigmer/e2e/harness";

const STIGMER = join(ROOT, "dist/bin/stigmer");

/** What a command of the CLI runs in: a home of its own, and a free port for the daemon it starts. */
function environmentOf(home: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? "", HOME: home, STIGMER_HOME: home, STIGMER_PORT: "0" };
}

/** Milliseconds that a command of the CLI takes from its start to its end; it must succeed. */
export function timeStigmer(args: readonly string[], home: string): number {
  return timed(STIGMER, args, home);
}

/** The same of Node, doing nothing: the least that any command takes which is written for it. */
export function timeNode(home: string): number {
  return timed(process.execPath, ["-e", "0"], home);
}

function timed(program: string, args: readonly string[], home: string): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(program, args, { env: environmentOf(home), cwd: home, encoding: "utf8" });
  const took = performance.now() - began;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${stderr}`);
  return took;
}
