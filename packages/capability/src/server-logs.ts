import { create } from "@bufbuild/protobuf";
import { exhausted } from "@stigmer/base";
import { type McpServerLogLine, McpServerLogLineSchema, type ServerLogged } from "@stigmer/contracts/agentic";

/** What tool servers wrote to their logs, the newest lines, in memory. */
export interface ServerLogs {
  add(org: string, line: ServerLogged): void;
  /** The lines of a server, the oldest first; with `follow` also those to come, until the signal aborts. */
  read(of: {
    readonly org: string;
    readonly name: string;
    /** Most lines that were written before; 0 means all. */
    readonly tail: number;
    readonly follow: boolean;
    readonly signal: AbortSignal;
  }): AsyncIterable<McpServerLogLine>;
}

const MOST_LINES = 1_000;
const MOST_BYTES = 1024 * 1024;
const MOST_SERVERS = 256;
const MOST_FOLLOWERS = 256;

type Line = { readonly line: McpServerLogLine; readonly index: number };
type Log = { lines: Line[]; bytes: number; written: number; readonly readers: Set<() => void> };

export function createServerLogs(): ServerLogs {
  const logs = new Map<string, Log>();
  let followers = 0;
  const logOf = (key: string): Log => {
    const log = logs.get(key) ?? { lines: [], bytes: 0, written: 0, readers: new Set() };
    logs.delete(key); // to its end: the one that was used longest ago is first
    logs.set(key, log);
    for (const [oldest, { readers }] of logs) if (logs.size > MOST_SERVERS && readers.size === 0) logs.delete(oldest);
    return log;
  };
  return {
    add: (org, line) => append(logOf(keyOf(org, line.name)), line),
    async *read({ org, name, ...reading }) {
      const log = logOf(keyOf(org, name));
      if (!reading.follow) return yield* linesOf(log, reading);
      if (followers >= MOST_FOLLOWERS) throw exhausted("LIMIT_REACHED", { limit: "readers of server logs" });
      followers++;
      try {
        yield* linesOf(log, reading);
      } finally {
        followers--;
      }
    },
  };
}

function append(log: Log, { sessionId, line: text, time }: ServerLogged): void {
  const line = create(McpServerLogLineSchema, {
    sessionId: shownSession(sessionId),
    line: text,
    ...(time && { time }),
  });
  log.lines.push({ line, index: log.written++ });
  log.bytes += text.length;
  while (log.lines.length > MOST_LINES || log.bytes > MOST_BYTES) log.bytes -= log.lines.shift()?.line.line.length ?? 0;
  for (const wake of log.readers) wake();
}

type Reading = { readonly tail: number; readonly follow: boolean; readonly signal: AbortSignal };

async function* linesOf(log: Log, { tail, follow, signal }: Reading): AsyncIterable<McpServerLogLine> {
  let wake = (): void => {};
  const notify = (): void => wake();
  log.readers.add(notify);
  signal.addEventListener("abort", notify);
  // What is gone already is nothing that this reader has lost.
  let next = Math.max(log.written - (tail || MOST_LINES), log.lines[0]?.index ?? log.written);
  try {
    for (;;) {
      const found = lineFrom(log, next);
      if (found) {
        next = found.next;
        yield found.line;
      } else if (!follow || signal.aborted) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    log.readers.delete(notify);
    signal.removeEventListener("abort", notify);
  }
}

/** The line with this index, or the oldest after it that is kept, and how many are lost before it. */
function lineFrom({ lines, written }: Log, index: number): { line: McpServerLogLine; next: number } | undefined {
  const oldest = lines[0]?.index ?? written;
  const lost = Math.max(0, oldest - index);
  const found = lines[index + lost - oldest];
  if (!found) return undefined;
  const line = lost > 0 ? create(McpServerLogLineSchema, { ...found.line, lost: BigInt(lost) }) : found.line;
  return { line, next: found.index + 1 };
}

/** A server that a person uses belongs to no session. */
function shownSession(sessionId: string): string {
  return sessionId.startsWith("ses_") ? sessionId : "";
}

function keyOf(org: string, name: string): string {
  return JSON.stringify([org, name]);
}
