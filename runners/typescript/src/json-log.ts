import type { Log } from "@stigmer/sdk";

/** One JSON object per line; debug lines are dropped. */
export function createJsonLog(write: (line: string) => void, now: () => Date): Log {
  const at = (level: string) => (fields: Record<string, unknown>, message: string) =>
    write(`${JSON.stringify({ level, time: now().toISOString(), ...fields, msg: message }, plain)}\n`);
  return { debug: () => {}, info: at("info"), warn: at("warn"), error: at("error") };
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, stack } = value;
  return { name, message, stack, ...("reason" in value && { reason: value.reason }) };
}
