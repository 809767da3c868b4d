import { readFileSync, statSync } from "node:fs";
import { precondition } from "@stigmer/base";
import { parse } from "yaml";

/** What `config.yaml` says. Unknown keys are refused, never ignored. */
export type Settings = {
  readonly model?: string;
  readonly port?: number;
  readonly providers?: Readonly<Record<string, { readonly baseUrl?: string; readonly apiKeyEnv?: string }>>;
  readonly runner?: {
    readonly slots?: number;
    /** How long a runner's lease lasts after its last heartbeat, in seconds. */
    readonly leaseDuration?: number;
  };
};

const MAX_BYTES = 1024 * 1024;

/** Reads the file anew when it has changed, so that a running daemon follows it. A file that is not there says nothing. */
export function settingsFile(path: string): () => Settings {
  let known: { readonly stamp: string; readonly settings: Settings } | undefined;
  return () => {
    const stamp = stampOf(path);
    if (known?.stamp !== stamp) known = { stamp, settings: stamp ? readSettings(path) : {} };
    return known.settings;
  };
}

function stampOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.mtimeNs}/${stat.size}/${stat.ino}` : "";
}

function readSettings(path: string): Settings {
  try {
    if (statSync(path).size > MAX_BYTES) throw new Error(`is larger than ${MAX_BYTES} bytes`);
    const value: unknown = parse(readFileSync(path, "utf8"), { maxAliasCount: 100 }) ?? {};
    check(value, SHAPE, "");
    return value as Settings;
  } catch (cause) {
    const message = `${path}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw precondition("PROVIDER_NOT_CONFIGURED", { file: path }, { cause, message });
  }
}

/** A text, a whole number from the first to the last, or a map. */
type Shape = "string" | readonly [number, number] | { readonly [key: string]: Shape };

/** `*` stands for any key. */
const SHAPE: Shape = {
  model: "string",
  port: [0, 65_535],
  providers: { "*": { baseUrl: "string", apiKeyEnv: "string" } },
  runner: { slots: [0, 10_000], leaseDuration: [3, 3600] },
  // The command line's own, in the same file.
  context: "string",
  contexts: { "*": { url: "string", org: "string" } },
};

function check(value: unknown, shape: Shape, at: string): void {
  if (shape === "string") {
    if (typeof value !== "string") throw new Error(`${at} must be a string`);
    return;
  }
  if (isRange(shape)) {
    const [least, most] = shape;
    const fits = typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
    if (!fits) throw new Error(`${at} must be a whole number from ${least} to ${most}`);
    return;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${at || "the file"} must be a map`);
  for (const [key, inside] of Object.entries(value)) {
    const inner = Object.hasOwn(shape, key) ? shape[key] : shape["*"];
    const path = at ? `${at}.${key}` : key;
    if (!inner) throw new Error(`${path} is not a setting`);
    check(inside, inner, path);
  }
}

function isRange(shape: Shape): shape is readonly [number, number] {
  return Array.isArray(shape);
}
