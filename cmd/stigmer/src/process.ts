import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { systemClock } from "@stigmer/base";
import packageJson from "../package.json" with { type: "json" };
import { systemProcesses } from "./backend/processes.ts";
import { runCli } from "./cli.ts";
import type { Deps, Env } from "./deps.ts";
import { EXIT } from "./failure.ts";
import { sinkOver, sourceOver } from "./terminal.ts";

/** How this process was started: its environment, and the folder of its program. */
export type Started = { readonly env: Env; readonly folder: string };

const SOURCE_DAEMON = join("..", "..", "stigmer-daemon", "src", "main.ts");

/** A daemon on a laptop keeps to little memory: without a bound the room for young objects grows to several times this. */
const SMALL_HEAP = ["--max-semi-space-size=8"];

/** `STIGMER_DAEMON`, the daemon beside this program's bundle, or the one of the source tree. */
function daemonProgram({ env, folder }: Started): string {
  if (env.STIGMER_DAEMON) return resolve(env.STIGMER_DAEMON);
  const bundled = join(folder, "stigmer-daemon.mjs");
  return existsSync(bundled) ? bundled : join(folder, SOURCE_DAEMON);
}

/** The first Ctrl-C asks the command to end, the second ends the process; unless the command has asked for it. */
function listenForInterrupts(): Pick<Deps, "interrupt" | "catchInterrupts"> {
  const interrupt = new AbortController();
  const caught: (() => void)[] = [];
  process.on("SIGINT", () => {
    const onInterrupt = caught.at(-1);
    if (onInterrupt) return onInterrupt();
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  });
  process.on("SIGTERM", () => interrupt.abort());
  return {
    interrupt: interrupt.signal,
    catchInterrupts(onInterrupt) {
      caught.push(onInterrupt);
      return { [Symbol.dispose]: () => void caught.splice(caught.indexOf(onInterrupt), 1) };
    },
  };
}

/** Whoever reads the output has gone: `stigmer list agents | head -1`. */
function endBroken(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(EXIT.failed);
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal?.aborted) return done();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}

/** Runs the command line that this process was started with, and ends the process. */
export async function runProcess(started: Started): Promise<never> {
  const stdout = sinkOver(() => process.stdout, endBroken);
  const stderr = sinkOver(() => process.stderr, endBroken);
  const code = await runCli({ ...depsOf(started), stdout, stderr }, process.argv.slice(2));
  for (const sink of [stdout, stderr]) await sink.flush();
  // Ends at once: an open connection or a half-read standard input would keep the process.
  process.exit(code);
}

function depsOf({ env, folder }: Started): Omit<Deps, "stdout" | "stderr"> {
  return {
    stdin: sourceOver(
      () => process.stdin,
      async (options) => {
        const { editLine } = await import("./line-editor.ts");
        return await editLine({ input: process.stdin, output: process.stderr }, options);
      },
    ),
    env,
    cwd: process.cwd(),
    userHome: homedir(),
    version: packageJson.version,
    nodeVersion: process.versions.node,
    clock: systemClock,
    sleep,
    ...listenForInterrupts(),
    connect: async (url, options) => (await import("@stigmer/client/light")).connectLightly({ url, ...options }),
    fetch,
    processes: systemProcesses,
    daemonCommand: [process.execPath, ...SMALL_HEAP, daemonProgram({ env, folder })],
    conformanceProgram: join(folder, "conformance.mjs"),
  };
}
