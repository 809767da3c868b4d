/** Lets so many through at once, and then so many a second. */
export interface RateLimit {
  /** Whether one more is let through now. */
  take(): boolean;
  /** How many were not, since it was last asked. */
  missed(): number;
}

export type RateLimitOptions = {
  readonly burst: number;
  readonly perSecond: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
};

export function createRateLimit({ burst, perSecond, now }: RateLimitOptions): RateLimit {
  let tokens = burst;
  let last = now();
  let missed = 0;
  return {
    take() {
      const at = now();
      tokens = Math.min(burst, tokens + ((at - last) / 1000) * perSecond);
      last = at;
      if (tokens >= 1) {
        tokens--;
        return true;
      }
      missed++;
      return false;
    },
    missed() {
      const count = missed;
      missed = 0;
      return count;
    },
  };
}
