import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const OUT = join(import.meta.dirname, "../out");

/** Something that must not be, whatever the input. The message is the same for inputs that show the same thing. */
export class Finding extends Error {
  override readonly name = "Finding";
  readonly detail: string;

  constructor(message: string, detail = "") {
    super(message);
    this.detail = detail;
  }
}

/** An input that shows something, as it is kept. */
export type Kept = {
  readonly target: string;
  readonly finding: string;
  readonly detail: string;
  readonly seed: number;
  readonly input: unknown;
};

/** Writes the input down, and returns the command that sends it again. */
export function keep(kept: Kept, number: number): string {
  mkdirSync(OUT, { recursive: true });
  const path = join(OUT, `${kept.target}-${kept.seed}-${number}.json`);
  writeFileSync(path, `${JSON.stringify(kept, withBytes, 2)}\n`);
  return `REPLAY=${path} make fuzz`;
}

export function readKept(path: string): Kept {
  return JSON.parse(readFileSync(path, "utf8"), bytesAgain);
}

/** A buffer has turned itself into something else before `value` is asked for. */
function withBytes(this: Record<string, unknown>, key: string): unknown {
  const value = this[key];
  return value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString("base64") } : value;
}

function bytesAgain(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("$bytes" in value)) return value;
  return new Uint8Array(Buffer.from(String(value.$bytes), "base64"));
}
