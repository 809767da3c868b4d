import { Failure } from "./failure.ts";

// A backend takes messages of 4 MiB; one that it refuses would break the connection again and again.
const LONGEST_PAYLOAD_BYTES = 3 * 1024 * 1024;

/** Refuses texts that are too long for one message together. */
export function requireFits(texts: readonly string[], what: string): void {
  // A text of n characters has at most 3n bytes, so most need no counting.
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  if (characters * 3 <= LONGEST_PAYLOAD_BYTES) return;
  const encoder = new TextEncoder();
  const bytes = texts.reduce((sum, text) => sum + encoder.encode(text).length, 0);
  if (bytes <= LONGEST_PAYLOAD_BYTES) return;
  throw new Failure("LIMIT_REACHED", `${what} of ${bytes} bytes is larger than 3 MiB`);
}
