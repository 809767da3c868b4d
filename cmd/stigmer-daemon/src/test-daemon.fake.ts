import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRedactor } from "@stigmer/base";
import type { Client } from "@stigmer/client";
import { connectTo } from "@stigmer/client/node";
import { pino } from "pino";
import { type DaemonOptions, startDaemon } from "./daemon.ts";

export type LogLine = Readonly<Record<string, unknown>> & { readonly level: number; readonly msg: string };

/** A real daemon in this process, on a home of its own. */
export interface TestDaemon extends AsyncDisposable {
  readonly home: string;
  readonly url: string;
  readonly port: number;
  /** Over gRPC; calls are tried once. */
  readonly client: Client;
  /** What it has logged so far. */
  readonly log: readonly LogLine[];
  /** Writes a script and answers with the model that follows it. */
  script(turns: readonly unknown[]): string;
  /** Writes `config.yaml`. */
  configure(yaml: string): void;
  stop(): Promise<void>;
  /** Starts it again after a stop, on the same home and port. */
  start(): Promise<void>;
}

export type TestDaemonOptions = Partial<
  Pick<
    DaemonOptions,
    "clock" | "env" | "openStore" | "runnerEntry" | "leaseDurationMs" | "drainMs" | "maxQueuedExecutions"
  >
>;

/** Levels of pino. */
export const LEVEL = { warn: 40, error: 50 } as const;

export async function startTestDaemon(options: TestDaemonOptions = {}): Promise<TestDaemon> {
  const home = mkdtempSync(join(tmpdir(), "stigmer-daemon-"));
  const log: LogLine[] = [];
  const redactor = createRedactor();
  const start = (port: number) =>
    startDaemon({
      ...{ home, port, runnerEntry: undefined, user: "tester" },
      ...options,
      env: { STIGMER_KEYCHAIN: "off", ...options.env },
      redactor,
      log: pino({ level: "debug" }, { write: (line: string) => void log.push(JSON.parse(redactor.text(line))) }),
    });
  let running: Awaited<ReturnType<typeof start>> | undefined = await start(0);
  const { url } = running;
  const port = Number(new URL(url).port);
  const client = connectTo({ url, attempts: 1 });
  const stop = async (): Promise<void> => {
    await running?.stop();
    running = undefined;
  };
  return {
    ...{ home, url, port, client, log, stop },
    script(turns) {
      const path = join(home, "scripts", `${randomUUID()}.yaml`);
      mkdirSync(join(home, "scripts"), { recursive: true });
      writeFileSync(path, JSON.stringify({ turns }));
      return `scripted/${path}`;
    },
    configure: (yaml) => writeFileSync(join(home, "config.yaml"), yaml),
    async start() {
      running = await start(port);
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
