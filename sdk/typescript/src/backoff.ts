const FIRST_MS = 50;
const LONGEST_MS = 1_000;

/**
 * How long to wait before try `tries + 1`, in milliseconds: from 50 to 1,000, a fifth longer each time, less up to half
 * of it at random. A backend that starts anew on the same machine within a second is met a tenth of a second later at most.
 */
export function backoff(tries: number, random: number): number {
  const longest = Math.min(FIRST_MS * 1.2 ** Math.min(tries, 20), LONGEST_MS);
  return longest * (1 - random / 2);
}

/** When the next heartbeat is due: never later than the interval, and not in step with other runners. */
export function heartbeatDelay(intervalMs: number, random: number): number {
  return intervalMs * (1 - random / 5);
}

/** How long one of many that may all go on at the same moment waits first, in milliseconds: about one goes on each, none later than a second. */
export function spread(count: number, random: number): number {
  return Math.min(Math.max(count - 1, 0), LONGEST_MS) * random;
}

/** Waits, or returns early when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
