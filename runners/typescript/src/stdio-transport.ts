import { type ChildProcess, spawn } from "node:child_process";
import {
  type JSONRPCMessage,
  parseJSONRPCMessage,
  serializeMessage,
  type Transport,
} from "@modelcontextprotocol/client";
import { createLines, type LineListeners } from "./lines.ts";
import type { ProcessGuard } from "./process-guard.ts";
import { createTail } from "./tail.ts";
import { LONGEST_MESSAGE_BYTES, tooLarge } from "./too-large.ts";

export type StdioOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly guard: ProcessGuard;
};

/** A server that is a process of its own group, with a message per line on its standard input and output. */
export interface StdioTransport extends Transport {
  /** The end of what it wrote to standard error, and how it ended where it did. */
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
const TAIL_BYTES = 4 * 1024;
const TERM_PATIENCE_MS = 2_000;
const DRAIN_PATIENCE_MS = 500;

export function createStdioTransport(options: StdioOptions): StdioTransport {
  const tail = createTail(TAIL_BYTES);
  const ended = Promise.withResolvers<void>();
  let child: ChildProcess | undefined;
  let fate = "";
  const fail = (why: string): void => {
    fate ||= why;
    if (child) killGroup(child, "SIGKILL");
  };
  const transport: StdioTransport = {
    async start() {
      child = await spawned(options);
      const group = child.pid ?? 0;
      options.guard.watch(group);
      child.stderr?.on("data", tail.push);
      child.stdout?.on("data", createLines(LINE_LIMITS, createReader(transport, fail)));
      // A broken pipe shows as the end of the process; without a listener it would end this one.
      child.stdin?.on("error", () => {});
      watchEnd(child, (how) => {
        fate ||= how;
        child = undefined;
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
      await killGently(child, ended.promise);
    },
    account: () => [fate, tail.text() && `it wrote: ${tail.text()}`].filter(Boolean).join("; "),
    kill: () => {
      if (child) killGroup(child, "SIGKILL");
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
    if (!child?.stdin?.writable) {
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

/** Hands messages on. Some servers print lines that are none, which is forgiven unless nothing else comes. */
function createReader(transport: Transport, fail: (why: string) => void): LineListeners {
  let rubbish = 0;
  const hand = (message: JSONRPCMessage | undefined, line: string): void => {
    rubbish = message ? 0 : rubbish + 1;
    if (message) transport.onmessage?.(message);
    else if (rubbish > MOST_RUBBISH_LINES) fail(`it writes no messages but ${JSON.stringify(line.slice(0, 200))}`);
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
function watchEnd(child: ChildProcess, onEnd: (how: string) => void): void {
  let how = "";
  const finish = (): void => {
    clearTimeout(patience);
    child.off("close", finish);
    onEnd(how);
  };
  let patience: NodeJS.Timeout | undefined;
  child.once("exit", (code, signal) => {
    how = signal ? `it was killed by ${signal}` : `it exited with code ${code}`;
    killGroup(child, "SIGKILL");
    patience = setTimeout(finish, DRAIN_PATIENCE_MS);
  });
  child.once("close", finish);
}

async function killGently(child: ChildProcess, ended: Promise<void>): Promise<void> {
  killGroup(child, "SIGTERM");
  const timer = setTimeout(() => killGroup(child, "SIGKILL"), TERM_PATIENCE_MS);
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
