import { mkdtempSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { startDaemon } from "./daemon.ts";

// Starts a daemon, makes one agent over HTTP, and prints which of our source files ran a function for it.

/** Longer than the daemon's own rounds, whose files are no part of a request. */
const IDLE_MS = 1_200;
const ROOT = join(import.meta.dirname, "../../..");

const daemon = await startDaemon({
  home: mkdtempSync(join(tmpdir(), "stigmer-trace-")),
  port: 0,
  env: {},
  runnerEntry: undefined,
  user: "tracer",
  log: pino({ level: "silent" }),
});
const create = (name: string): Promise<Response> =>
  fetch(`${daemon.url}/ai.stigmer.agentic.agent.v1.AgentCommandController/create`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ metadata: { name }, spec: { instructions: "You help." } }),
  });

await create("first"); // what is built at the first call is not what a call costs
const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
const idle = new Set(await filesThatRan());
const answer = await create("second");
const ran = (await filesThatRan()).filter((path) => !idle.has(path));
session.disconnect();
await daemon.stop();
process.stdout.write(JSON.stringify({ status: answer.status, ran: ran.sort() }));
process.exit(0);

/** Our source files of which a function ran since the last call. */
async function filesThatRan(): Promise<string[]> {
  const { result } = await session.post("Profiler.takePreciseCoverage");
  return result
    .filter(
      ({ url, functions }) =>
        url.startsWith("file:") && functions.some(({ ranges }) => ranges.some(({ count }) => count > 0)),
    )
    .map(({ url }) => relative(ROOT, fileURLToPath(url)))
    .filter((path) => !path.includes("node_modules") && !path.startsWith(".."));
}
