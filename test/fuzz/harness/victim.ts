import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { AgentCommandController, AgentQueryController, GetAgentRequestSchema } from "@stigmer/contracts/agentic";
import { Health, HealthCheckRequestSchema } from "@stigmer/contracts/grpc";
import { eventually, startDaemon, type TestDaemon } from "@stigmer/e2e/harness";
import { type Call, type Caller, createCaller, framed } from "./calls.ts";
import { Finding } from "./finding.ts";
import { INSPECTABLE, type Inspector, inspect } from "./inspector.ts";

/** The daemon that is fuzzed. */
export interface Victim extends AsyncDisposable {
  readonly url: string;
  readonly caller: Caller;
  /** Throws a finding unless the daemon lives, answers within a second and has logged no error since the last look. */
  check(): Promise<void>;
  /** Starts it again if it is gone. */
  revive(): Promise<void>;
  inspector(): Inspector;
  memory(): Promise<Memory>;
}

/** Bytes: of the heap after collection, and resident. */
export type Memory = { readonly heap: number; readonly resident: number };

const ANSWER_MS = 1_000;
/** pino's level of an error; everything above is worse. */
const ERROR = 50;
const FATAL = 60;
/** The name of an agent that no input may refer to. */
export const SENTINEL = "untouched-by-inputs";

export async function startVictim(): Promise<Victim> {
  const daemon = await startDaemon({ env: INSPECTABLE });
  const { client, url } = daemon;
  const made = await client
    .service(AgentCommandController)
    .create({ metadata: { name: SENTINEL }, spec: { instructions: "Stay." } });
  const sentinel = sentinelCall(made.metadata?.id ?? "");
  const news = logReader(join(daemon.home, "logs/daemon.log"));
  let caller = createCaller(url);
  let inspector = await inspect(daemon.log());
  news();
  return {
    url,
    get caller() {
      return caller;
    },
    inspector: () => inspector,
    async check() {
      const answer = await caller.call(sentinel, ANSWER_MS).catch((error: Error) => error);
      const [error] = news();
      if (error && (error.level ?? 0) >= FATAL) await letEnd(daemon, inspector);
      if (error) throw errorFinding(error);
      requireAlive(daemon);
      if (answer instanceof Error) throw answer;
      if (answer.grpcStatus !== "0") throw new Finding(`an untouched agent can't be read: ${answer.grpcStatus}`);
    },
    async revive() {
      if (isAlive(daemon)) return;
      await daemon.restart();
      caller = createCaller(url);
      inspector = await inspect(daemon.log());
      news();
    },
    async memory() {
      const heap = await inspector.settledHeap();
      return { heap, resident: residentBytes(daemon.process.pid ?? 0) };
    },
    async [Symbol.asyncDispose]() {
      caller[Symbol.dispose]();
      inspector[Symbol.dispose]();
      await daemon[Symbol.asyncDispose]();
    },
  };
}

/** What says that the daemon as a whole is well. */
export function healthCall(): Call {
  const body = framed(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema)));
  return { path: `/${Health.typeName}/Check`, contentType: "application/grpc", body, streams: false };
}

function sentinelCall(id: string): Call {
  const body = framed(toBinary(GetAgentRequestSchema, create(GetAgentRequestSchema, { id })));
  return { path: `/${AgentQueryController.typeName}/get`, contentType: "application/grpc", body, streams: false };
}

function isAlive({ process: { exitCode, signalCode } }: TestDaemon): boolean {
  return exitCode === null && signalCode === null;
}

/** A process that ends waits for its debugger to go. */
async function letEnd(daemon: TestDaemon, inspector: Inspector): Promise<void> {
  inspector[Symbol.dispose]();
  await eventually(() => (isAlive(daemon) ? undefined : true), "the daemon to end");
}

function requireAlive(daemon: TestDaemon): void {
  if (isAlive(daemon)) return;
  const last = daemon.log().trimEnd().split("\n").slice(-20).join("\n");
  throw new Finding(`the daemon ended with ${daemon.process.exitCode ?? daemon.process.signalCode}`, last);
}

type LogLine = { readonly level?: number; readonly msg?: string; readonly err?: { readonly message?: string } };

/** Reads what was logged since the last call, and returns the errors in it. */
function logReader(path: string): () => LogLine[] {
  const file = openSync(path, "r");
  process.once("exit", () => closeSync(file));
  let at = 0;
  let rest = "";
  return () => {
    const bytes = Buffer.alloc(fstatSync(file).size - at);
    at += readSync(file, bytes, 0, bytes.length, at);
    const lines = (rest + bytes.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    return lines.flatMap(errorIn);
  };
}

function errorIn(line: string): LogLine[] {
  if (!line.startsWith("{")) return /Warning:|Unhandled/.test(line) ? [{ msg: line }] : [];
  const entry: LogLine = JSON.parse(line);
  return (entry.level ?? 0) >= ERROR ? [entry] : [];
}

function errorFinding(entry: LogLine): Finding {
  const cause = (entry.err?.message ?? "").split("\n")[0]?.replaceAll(/[0-9A-HJKMNP-TV-Z]{20,}|\d+/g, "#");
  return new Finding(`the daemon logs an error: ${entry.msg}: ${cause}`, JSON.stringify(entry, null, 2));
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}
