import { existsSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { homedir, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createRedactor, Fault } from "@stigmer/base";
import { restoreBackup } from "@stigmer/store-leveldb";
import { pino } from "pino";
import { startDaemon } from "./daemon.ts";

// Lines that come while others are being written are written together: one by one they would cost calls more than all else.
const output = pino.destination({ dest: 1, sync: false, maxLength: 1024 * 1024 });
// A disk without room for the log must not end the daemon: lines wait, as many as fit, until one can be written.
let isStuck = false;
output.on("error", () => {
  isStuck = true;
});
output.on("write", () => {
  isStuck = false;
});
const redactor = createRedactor();
const log = pino({ name: "stigmer-daemon" }, { write: (line: string) => void output.write(redactor.text(line)) });
const { env } = process;
const home = resolve(env.STIGMER_HOME || join(homedir(), ".stigmer"));

/** By then it serves. What was compiled until then is kept for the next start, though this process may be killed. */
const COMPILED_MS = 1_000;

/** The bundled runner: named, beside the bundle, or in the source tree. */
function runnerEntry(): string | undefined {
  const here = dirname(fileURLToPath(import.meta.url));
  const places = [
    env.STIGMER_RUNNER,
    join(here, "stigmer-runner.mjs"),
    join(here, "../../../runners/typescript/src/main.ts"),
  ];
  return places.find((place) => place !== undefined && existsSync(place));
}

function fail(error: unknown): never {
  const facts = error instanceof Fault ? { reason: error.reason, ...error.facts } : { err: error };
  log.fatal(facts, error instanceof Error ? error.message : String(error));
  exit(1);
}

function exit(code: number): never {
  if (!isStuck) output.flushSync(); // it would try for ever
  process.exit(code);
}

async function serve(): Promise<void> {
  const port = env.STIGMER_PORT ? Number(env.STIGMER_PORT) : undefined;
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535))
    fail(new Error("STIGMER_PORT must be a port, 0 to 65535"));
  const daemon = await startDaemon({
    home,
    port,
    env,
    runnerEntry: runnerEntry(),
    user: userInfo().username,
    log,
    redactor,
  });
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    daemon.stop().then(() => exit(0), fail);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  setTimeout(flushCompileCache, COMPILED_MS).unref();
}

process.umask(0o077);
process.on("uncaughtException", fail);
if (process.argv.includes("--restore-backup")) {
  const restored = await restoreBackup(join(home, "data")).catch(fail);
  process.stdout.write(`${JSON.stringify(restored)}\n`);
} else {
  await serve().catch(fail);
}
