import type { Log } from "@stigmer/base";

/** Looks again and again. */
export interface Scanner {
  start(): void;
  /** Looks soon; many calls in a row are one look. */
  wake(): void;
  stop(): void;
}

const SCAN_INTERVAL_MS = 500;

/** Runs `scan` when woken and at least every half second, never twice at once. */
export function createScanner(scan: () => Promise<void>, log: Log): Scanner {
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let again = false;
  let stopped = true;
  const run = async (): Promise<void> => {
    if (stopped) return;
    if (running) {
      again = true;
      return;
    }
    running = true;
    again = false;
    clearTimeout(timer);
    try {
      await scan();
    } catch (err) {
      if (!stopped) log.error({ err }, "looking for work failed");
    }
    running = false;
    if (again) setImmediate(run);
    else timer = setTimeout(run, SCAN_INTERVAL_MS);
  };
  return {
    start(): void {
      stopped = false;
      void run();
    },
    wake: (): void => void run(),
    stop(): void {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
