import { open } from "node:fs/promises";

/** A line of the daemon's log as pino writes it. */
export type LogLine = {
  /** Milliseconds since the epoch; undefined where the line does not say. */
  readonly time: number | undefined;
  readonly level: string;
  readonly message: string;
  /** Process that the line names: the writer, or another one where it is about that one. */
  readonly pid: number | undefined;
  /** The other fields. */
  readonly fields: Readonly<Record<string, unknown>>;
};

const LEVELS: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};
const ERROR_LEVEL = 50;
/** What stands in every line and says nothing. */
const NO_FACTS = new Set(["level", "time", "msg", "pid", "hostname"]);
const DAEMON = "stigmer-daemon";

/** Reads one line; undefined where it is not one of pino's, such as a stack trace of Node's own. */
export function parseLogLine(line: string): LogLine | undefined {
  const value = parseObject(line);
  if (!value || typeof value.level !== "number") return undefined;
  const fields = Object.fromEntries(
    Object.entries(value).filter(([key, fact]) => !NO_FACTS.has(key) && fact !== DAEMON),
  );
  const time = typeof value.time === "number" ? value.time : Date.parse(String(value.time));
  return {
    time: Number.isNaN(time) ? undefined : time,
    level: LEVELS[value.level] ?? String(value.level),
    message: typeof value.msg === "string" ? value.msg : "",
    pid: typeof value.pid === "number" ? value.pid : Number(value.pid) || undefined,
    fields,
  };
}

/** The error that a daemon ended with: its last line of level error, or where there is none the last line at all. */
export function lastError(log: string): LogLine | undefined {
  const lines = log.split("\n").filter((line) => line.trim());
  const errors = lines.map(parseLogLine).filter((line) => line && levelNumber(line.level) >= ERROR_LEVEL);
  const last = errors.at(-1);
  if (last) return last;
  // A program that dies before it logs says why on a line such as `Error: …`, and then where.
  const message = lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1);
  return message === undefined ? undefined : { time: undefined, level: "error", message, pid: undefined, fields: {} };
}

/** What was written to a file after an offset, at most the last `maxBytes` of it. */
export async function readFrom(path: string, offset: number, maxBytes: number): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const start = Math.max(offset, size - maxBytes);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(Math.max(0, size - start)),
      0,
      Math.max(0, size - start),
      start,
    );
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

function levelNumber(name: string): number {
  return Number(Object.entries(LEVELS).find(([, level]) => level === name)?.[0] ?? 0);
}

function parseObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
