import { randomUUID } from "node:crypto";
import { flushCompileCache } from "node:module";
import { connectTo, createRedactor, runRunner } from "@stigmer/sdk";
import { agentLoop } from "./agent-loop.ts";
import { createJsonLog } from "./json-log.ts";
import { createMcpHost } from "./mcp-host.ts";
import { readSettings } from "./settings.ts";

const redactor = createRedactor();
const log = createJsonLog(
  (line) => process.stderr.write(redactor.text(line)),
  () => new Date(),
);

// The runner outlives the daemon that reads its log.
process.stderr.on("error", () => {});

const fail = (err: unknown): void => {
  log.error({ err }, "runner failed");
  process.exit(1);
};
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

// The second signal is meant: no time for what runs, but tool servers still end with this process.
const drain = new AbortController();
const onSignal = (): void => (drain.signal.aborted ? process.exit(1) : drain.abort());
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, onSignal);

// What was compiled by then is kept for the next start, though this process may be killed.
const COMPILED_MS = 1_000;
setTimeout(flushCompileCache, COMPILED_MS).unref();

const settings = readSettings(process.env);
const end = await runRunner({
  client: connectTo({ url: settings.endpoint }),
  name: settings.name,
  slots: settings.slots,
  labels: settings.labels,
  instance: settings.instance ?? randomUUID(),
  build: "stigmer-runner/0.0.1",
  agent: agentLoop,
  tools: createMcpHost({ env: process.env, log }),
  ...{ log, redactor },
  signal: drain.signal,
});
log.info({ end }, "goodbye");
process.exit(0);
