import { open } from "node:fs/promises";
import { type LogLine, parseLogLine, readFrom } from "../backend/daemon-log.ts";
import { homeOf } from "../backend/home.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { failed, interrupted } from "../failure.ts";
import { formatOf } from "../output/format.ts";
import { printableJson, printableLine } from "../output/printable.ts";

export type LogsOptions = GlobalOptions & { readonly follow?: boolean; readonly lines?: number };

const DEFAULT_LINES = 100;
const MAX_BYTES = 16 * 1024 * 1024;
const POLL_MS = 200;

/** Shows the newest lines of the daemon's log for a person; `-o json` shows them as they stand in the file. */
export async function logs(deps: Deps, options: LogsOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json"] });
  const { log } = homeOf(deps);
  const size = await sizeOf(log);
  if (size === undefined) throw failed(`there is no log at ${log}`, "the daemon writes it: stigmer local start");
  const lines = (await readFrom(log, 0, MAX_BYTES)).split("\n");
  const rest = lines.pop() ?? "";
  const newest = lines.slice(-(options.lines ?? DEFAULT_LINES));
  const print = (line: string): Promise<void> => deps.stdout.write(formatLine(line, format === "json"));
  for (const line of newest) await print(line);
  if (!options.follow) return rest ? await print(rest) : undefined;
  await follow(deps, { log, from: size - Buffer.byteLength(rest), print });
}

type Followed = { readonly log: string; readonly from: number; readonly print: (line: string) => Promise<void> };

/** Shows each whole line that is appended; a file that became shorter is a new one. */
async function follow(deps: Deps, { log, from, print }: Followed): Promise<void> {
  let offset = from;
  while (!deps.interrupt.aborted) {
    const size = (await sizeOf(log)) ?? 0;
    if (size < offset) offset = 0;
    const text = size > offset ? await readFrom(log, offset, MAX_BYTES) : "";
    const end = text.lastIndexOf("\n") + 1;
    for (const line of text.slice(0, end).split("\n").slice(0, -1)) await print(line);
    offset = Math.max(offset, size - MAX_BYTES) + Buffer.byteLength(text.slice(0, end));
    await deps.sleep(POLL_MS, deps.interrupt);
  }
  throw interrupted();
}

/** `2026-01-31T12:00:00.000Z error can't listen  reason=LISTEN_FAILED` */
function formatLine(line: string, asJson: boolean): string {
  if (asJson) return `${printableJson(line)}\n`;
  const parsed = parseLogLine(line);
  return `${printableLine(parsed ? readable(parsed) : line)}\n`;
}

function readable({ time, level, message, fields }: LogLine): string {
  const when = time === undefined ? "" : `${new Date(time).toISOString()} `;
  const facts = Object.entries(fields).map(([key, value]) => `${key}=${factText(value)}`);
  return `${when}${level.padEnd(5)} ${[message, ...facts].join(" ")}`;
}

function factText(value: unknown): string {
  if (typeof value === "string") return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value === "object" && value !== null && "message" in value) return JSON.stringify(value.message);
  return JSON.stringify(value) ?? "";
}

async function sizeOf(path: string): Promise<number | undefined> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw failed(`can't read ${path}: ${error.code ?? error.message}`);
  });
  if (!file) return undefined;
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}
