import type { Environment } from "./child-env.ts";

export type Settings = {
  readonly endpoint: string;
  readonly name: string;
  /** Id of the process, by which a daemon knows the runner that it started; absent where nobody gave one. */
  readonly instance: string | undefined;
  readonly slots: number;
};

const DEFAULT_SLOTS = 8;
const MOST_SLOTS = 10_000;

/** Reads `STIGMER_ENDPOINT` and `STIGMER_RUNNER_NAME`, `_INSTANCE`, `_SLOTS`; refuses slots that are not 0 to 10,000. */
export function readSettings(env: Environment): Settings {
  return {
    endpoint: env.STIGMER_ENDPOINT || "http://127.0.0.1:50051",
    name: env.STIGMER_RUNNER_NAME || "local",
    instance: env.STIGMER_RUNNER_INSTANCE || undefined,
    slots: readSlots(env.STIGMER_RUNNER_SLOTS),
  };
}

function readSlots(text: string | undefined): number {
  if (!text) return DEFAULT_SLOTS;
  const slots = Number(text);
  if (Number.isInteger(slots) && slots >= 0 && slots <= MOST_SLOTS) return slots;
  throw new Error(`STIGMER_RUNNER_SLOTS is ${JSON.stringify(text)}, not a number from 0 to ${MOST_SLOTS}`);
}
