/** Tries of one model call, the first included. */
const MAX_TRIES = 4;
const FIRST_DELAY_MS = 500;
/** A provider that asks for a longer pause has in effect refused. */
const LONGEST_DELAY_MS = 30_000;

/** How long to wait before try `next`: what the provider asked for, else twice as long each time with jitter; undefined where there is to be none. */
export function retryDelayMs(
  next: number,
  asked: number | undefined,
  random: () => number = Math.random,
): number | undefined {
  if (next > MAX_TRIES) return undefined;
  if (asked !== undefined) return asked <= LONGEST_DELAY_MS ? asked : undefined;
  return FIRST_DELAY_MS * 2 ** (next - 2) * (0.5 + random() / 2);
}
