import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  type JSONRPCMessage,
  parseJSONRPCMessage,
  serializeMessage,
  type Transport,
} from "@modelcontextprotocol/client";
import { createLines, type LineListeners } from "./lines.ts";
import { createLogLines, type LogLines } from "./log-lines.ts";
import type { Masker } from "./masker.ts";
import type { ProcessGuard } from "./process-guard.ts";
import { MARK_VARIABLE, signalStrays } from "./strays.ts";
import { LONGEST_MESSAGE_BYTES, tooLarge } from "./too-large.ts";

export type StdioOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly guard: ProcessGuard;
  readonly masker: Masker;
  /** Told of each line that it writes for people, without secrets. */
  readonly onLog: (line: string) => void;
};

/** A server that is a process of its own group, with a message per line on its standard input and output. */
export interface StdioTransport extends Transport {
  /** The end of what it wrote to standard error, without secrets, and how it ended where it did. */
  account(): string;
  /** Kills the process and its children without waiting; for when this process exits. */
  kill(): void;
}

/** The message surely never reached the server. */
export class NotSent extends Error {
  override readonly name = "NotSent";
}

// A server that writes more than this without a line's end never stops.
const MOST_SKIPPED_BYTES = 1024 * 1024 * 1024;
const LINE_LIMITS = { longestBytes: LONGEST_MESSAGE_BYTES, mostSkippedBytes: MOST_SKIPPED_BYTES };
const MOST_RUBBISH_LINES = 100;
const LONGEST_LOG_LINE = 16 * 1024;
const TERM_PATIENCE_MS = 2_000;
const DRAIN_PATIENCE_MS = 500;

export function createStdioTransport(options: StdioOptions): StdioTransport {
  const { masker, onLog } = options;
  const logs = createLogLines({ masker, longestLine: LONGEST_LOG_LINE, onLine: onLog });
  const rubbish = createLogLines({ masker, longestLine: LONGEST_LOG_LINE, onLine: onLog });
  const ended = Promise.withResolvers<void>();
  let child: ChildProcess | undefined;
  let fate = "";
  const mark = randomUUID();
  const end = (running: ChildProcess, signal: NodeJS.Signals): void => {
    killGroup(running, signal);
    signalStrays({ mark, group: running.pid ?? 0 }, signal);
  };
  const fail = (why: string): void => {
    if (fate) return;
    fate = why;
    if (child) end(child, "SIGKILL");
  };
  const transport: StdioTransport = {
    async start() {
      child = await spawned({ ...options, env: { ...options.env, [MARK_VARIABLE]: mark } });
      const group = child.pid ?? 0;
      options.guard.watch(group, mark);
      child.stderr?.on("data", logs.push);
      child.stdout?.on("data", createLines(LINE_LIMITS, createReader(transport, { fail, rubbish })));
      // A broken pipe shows as the end of the process; without a listener it would end this one.
      child.stdin?.on("error", () => {});
      const kill = end.bind(undefined, child, "SIGKILL");
      watchEnd(child, kill, (how) => {
        fate ||= how;
        child = undefined;
        for (const written of [logs, rubbish]) written.end();
        options.guard.forget(group);
        ended.resolve();
        transport.onclose?.();
      });
    },
    send: (message) => write(child, message),
    async close() {
      if (!child) return;
      fate ||= "it was stopped";
      child.stdin?.end();
      await endGently(end.bind(undefined, child), ended.promise);
    },
    account: () => [fate, logs.tail() && `it wrote: ${logs.tail()}`].filter(Boolean).join("; "),
    kill: () => {
      if (child) end(child, "SIGKILL");
    },
  };
  return transport;
}

function spawned({ command, args, env, cwd }: StdioOptions): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that what the server starts ends with it.
    const child = spawn(command, [...args], {
      cwd,
      env,
      stdio: "pipe",
      detached: true,
      shell: false,
      windowsHide: true,
    });
    child.once("error", reject);
    child.once("spawn", () => {
      child.off("error", reject);
      child.on("error", () => {});
      resolve(child);
    });
  });
}

function write(child: ChildProcess | undefined, message: JSONRPCMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    // What is written to a process that has ended goes nowhere, though its output may still be read.
    if (!child?.stdin?.writable || child.exitCode !== null || child.signalCode !== null) {
      reject(new NotSent("the server does not run"));
      return;
    }
    const running = child;
    child.stdin.write(serializeMessage(message), (error) => {
      // A server that reads no more is of no use; its end says what happened.
      if (error) killGroup(running, "SIGKILL");
      resolve();
    });
  });
}

type Rubbish = { readonly fail: (why: string) => void; readonly rubbish: LogLines };

/** Hands messages on. Some servers print lines that are none, which are for people, unless nothing else comes. */
function createReader(transport: Transport, { fail, rubbish }: Rubbish): LineListeners {
  let lines = 0;
  const hand = (message: JSONRPCMessage | undefined, line: string): void => {
    lines = message ? 0 : lines + 1;
    if (message) {
      transport.onmessage?.(message);
      return;
    }
    rubbish.push(Buffer.from(`${line}\n`));
    const last = rubbish.tail().split("\n").at(-1) ?? "";
    if (lines > MOST_RUBBISH_LINES) fail(`it writes no messages but ${JSON.stringify(last.slice(0, 200))}`);
  };
  return {
    onLine: (line) => {
      if (line.trim() !== "") hand(parse(line), line);
    },
    onTooLong({ id, hasMethod }, bytes) {
      hand(id === undefined || hasMethod ? undefined : tooLarge(id, bytes), `a line of ${bytes} bytes`);
    },
    onEndless: fail,
  };
}

function parse(line: string): JSONRPCMessage | undefined {
  try {
    return parseJSONRPCMessage(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** Calls back once the process is gone and its output is read; a stray child that holds the output is not waited for. */
function watchEnd(child: ChildProcess, killRest: () => void, onEnd: (how: string) => void): void {
  let how = "";
  const finish = (): void => {
    clearTimeout(patience);
    child.off("close", finish);
    onEnd(how);
  };
  let patience: NodeJS.Timeout | undefined;
  child.once("exit", (code, signal) => {
    how = signal ? `it was killed by ${signal}` : `it exited with code ${code}`;
    killRest();
    patience = setTimeout(finish, DRAIN_PATIENCE_MS);
  });
  child.once("close", finish);
}

async function endGently(end: (signal: NodeJS.Signals) => void, ended: Promise<void>): Promise<void> {
  end("SIGTERM");
  const timer = setTimeout(() => end("SIGKILL"), TERM_PATIENCE_MS);
  await ended;
  clearTimeout(timer);
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is empty already, or the platform has none.
    child.kill(signal);
  }
}
