import type { Clock } from "@stigmer/base";

/** The machine's clock: it can be set, and what it is read for must not depend on that. */
export type WallClock = Clock & { jump(ms: number): void };

const BEGINNING = Date.UTC(2026, 0, 5, 9);

export function createWallClock(monotonic: () => number): WallClock {
  let ahead = BEGINNING;
  return {
    now: () => Math.floor(ahead + monotonic()),
    monotonic,
    jump: (ms) => {
      ahead += ms;
    },
  };
}
