import type { Clock } from "@stigmer/base";

/** The machine's clock, which a test can put forward: both the time of day and the time that passes. */
export type SteppedClock = Clock & { step(ms: number): void };

export function createSteppedClock(): SteppedClock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    monotonic: () => performance.now() + ahead,
    step(ms) {
      ahead += ms;
    },
  };
}
