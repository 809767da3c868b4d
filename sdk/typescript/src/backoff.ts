const FIRST_MS = 50;
const LONGEST_MS = 1_000;

/** How long to wait before try `tries + 1`, in milliseconds: doubling from 50 to 1,000, less up to half of it at random. */
export function backoff(tries: number, random: number): number {
  const longest = Math.min(FIRST_MS * 2 ** Math.min(tries, 10), LONGEST_MS);
  return longest * (1 - random / 2);
}

/** When the next heartbeat is due: never later than the interval, and not in step with other runners. */
export function heartbeatDelay(intervalMs: number, random: number): number {
  return intervalMs * (1 - random / 5);
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
