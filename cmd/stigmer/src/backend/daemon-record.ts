import { readFileSync } from "node:fs";

/** What a daemon wrote about itself when it began to listen. It may be gone since, and its pid another program's. */
export type DaemonRecord = { readonly pid: number; readonly url: string; readonly version: string };

/** Reads `daemon.json`; undefined where there is none, or none that makes sense. */
export function readDaemonRecord(path: string): DaemonRecord | undefined {
  try {
    return parseDaemonRecord(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function parseDaemonRecord(text: string): DaemonRecord | undefined {
  const value = parseObject(text);
  const { pid, url, version } = value;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 1) return undefined;
  if (typeof url !== "string" || !URL.canParse(url)) return undefined;
  return { pid, url, version: typeof version === "string" ? version : "" };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
