import type { Environment } from "./child-env.ts";

export type Settings = {
  readonly endpoint: string;
  readonly name: string;
  /** Id of the process, by which a daemon knows the runner that it started; absent where nobody gave one. */
  readonly instance: string | undefined;
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
};

const DEFAULT_SLOTS = 8;
const MOST_SLOTS = 10_000;
const MOST_LABELS = 64;
// As the contract has them.
const LABEL_NAME = /^[A-Za-z0-9]([A-Za-z0-9_./-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/;

/**
 * Reads `STIGMER_ENDPOINT` and `STIGMER_RUNNER_NAME`, `_INSTANCE`, `_SLOTS`, `_LABELS`. Refuses slots that are not 0 to 10,000,
 * and labels that are not written as `zone=a,gpu=yes` or that no backend takes.
 */
export function readSettings(env: Environment): Settings {
  return {
    endpoint: env.STIGMER_ENDPOINT || "http://127.0.0.1:50051",
    name: env.STIGMER_RUNNER_NAME || "local",
    instance: env.STIGMER_RUNNER_INSTANCE || undefined,
    slots: readSlots(env.STIGMER_RUNNER_SLOTS),
    labels: readLabels(env.STIGMER_RUNNER_LABELS),
  };
}

function readSlots(text: string | undefined): number {
  if (!text) return DEFAULT_SLOTS;
  const slots = Number(text);
  if (Number.isInteger(slots) && slots >= 0 && slots <= MOST_SLOTS) return slots;
  throw new Error(`STIGMER_RUNNER_SLOTS is ${JSON.stringify(text)}, not a number from 0 to ${MOST_SLOTS}`);
}

function readLabels(text: string | undefined): Record<string, string> {
  const pairs = (text ?? "").split(",").filter((pair) => pair.trim() !== "");
  if (pairs.length > MOST_LABELS)
    throw new Error(`STIGMER_RUNNER_LABELS has ${pairs.length} labels, more than ${MOST_LABELS}`);
  return Object.fromEntries(pairs.map(readLabel));
}

function readLabel(pair: string): [string, string] {
  const [name = "", value, ...rest] = pair.split("=").map((part) => part.trim());
  const isGood = value !== undefined && rest.length === 0 && LABEL_NAME.test(name) && LABEL_VALUE.test(value);
  if (isGood) return [name, value];
  throw new Error(
    `STIGMER_RUNNER_LABELS has ${JSON.stringify(pair)}, which is no label: name=value, of letters, digits, ".", "_" and "-"`,
  );
}
