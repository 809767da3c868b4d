import { readFileSync, statSync } from "node:fs";
import { precondition } from "@stigmer/base";
import type { ConfiguredPrice } from "@stigmer/gateway";
import type { ProviderConfig } from "@stigmer/model-providers";
import { parse } from "yaml";

/** What `config.yaml` says. Unknown keys are refused, never ignored. */
export type Settings = {
  readonly model?: string;
  readonly port?: number;
  readonly providers?: Readonly<Record<string, ProviderConfig>>;
  /** Bounds of every execution. */
  readonly limits?: {
    readonly maxTokens?: number;
    readonly maxCostMicros?: number;
    readonly maxToolRounds?: number;
    /** In seconds. */
    readonly maxDuration?: number;
  };
  /** What models cost, by `provider/model` or `provider/*`, in millionths of a US dollar for a million tokens. */
  readonly prices?: Readonly<Record<string, ConfiguredPrice>>;
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
    checkPrices((value as Settings).prices ?? {});
    return value as Settings;
  } catch (cause) {
    const message = `${path}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw precondition("PROVIDER_NOT_CONFIGURED", { file: path }, { cause, message });
  }
}

/** A text, yes or no, one of some words, a whole number from the first to the last, or a map. */
type Shape = "string" | "boolean" | ReadonlySet<string> | readonly [number, number] | { readonly [key: string]: Shape };

const MOST = Number.MAX_SAFE_INTEGER;
const PRICE: Shape = [0, 1_000_000_000_000];

/** `*` stands for any key. */
const SHAPE: Shape = {
  model: "string",
  port: [0, 65_535],
  providers: {
    "*": {
      baseUrl: "string",
      apiKeyEnv: "string",
      apiKeySecret: "string",
      api: new Set(["chat", "responses", "messages", "ollama"]),
      stream: "boolean",
      contextWindow: [1024, 100_000_000],
    },
  },
  limits: {
    ...{ maxTokens: [1, MOST], maxCostMicros: [1, MOST], maxToolRounds: [1, 10_000], maxDuration: [1, 7_776_000] },
  },
  prices: {
    "*": { inputMicros: PRICE, outputMicros: PRICE, cachedInputMicros: PRICE, cacheWriteMicros: PRICE },
  },
  runner: { slots: [0, 10_000], leaseDuration: [3, 3600] },
  // The command line's own, in the same file.
  context: "string",
  contexts: { "*": { url: "string", org: "string" } },
};

function check(value: unknown, shape: Shape, at: string): void {
  if (typeof shape === "string") {
    if (typeof value !== shape) throw new Error(`${at} must be a ${shape}`);
    return;
  }
  if (shape instanceof Set) {
    if (!shape.has(value)) throw new Error(`${at} must be one of ${[...shape].join(", ")}`);
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
  const map = shape as { readonly [key: string]: Shape };
  for (const [key, inside] of Object.entries(value)) {
    const inner = Object.hasOwn(map, key) ? map[key] : map["*"];
    const path = at ? `${at}.${key}` : key;
    if (!inner) throw new Error(`${path} is not a setting`);
    check(inside, inner, path);
  }
}

/** A price that says only one side of it would make the other free. */
function checkPrices(prices: NonNullable<Settings["prices"]>): void {
  for (const [model, price] of Object.entries(prices)) {
    for (const key of ["inputMicros", "outputMicros"] as const)
      if (price[key] === undefined) throw new Error(`prices.${model}.${key} is missing`);
    if (!/^[a-z][a-z0-9-]*\/.+$/.test(model))
      throw new Error(`prices.${model} must be a provider/model, or provider/*`);
  }
}

function isRange(shape: Shape): shape is readonly [number, number] {
  return Array.isArray(shape);
}
