/** How long a server that keeps dying waits before it is started again. */
export interface Restarts {
  /** Milliseconds until it may be started; 0 where it may now. */
  waitMs(key: string): number;
  failed(key: string): void;
  /** It works: the next failure is its first again. */
  worked(key: string): void;
}

const FIRST_MS = 250;
const LONGEST_MS = 30_000;
const MOST_KEYS = 10_000;

/** The first failure costs nothing; each one after it doubles the wait. */
export function createRestarts(now: () => number): Restarts {
  const failures = new Map<string, { readonly count: number; readonly at: number }>();
  return {
    waitMs(key) {
      const { count, at } = failures.get(key) ?? { count: 0, at: 0 };
      if (count < 2) return 0;
      return Math.max(0, at + Math.min(LONGEST_MS, FIRST_MS * 2 ** (count - 2)) - now());
    },
    failed(key) {
      const count = (failures.get(key)?.count ?? 0) + 1;
      failures.delete(key);
      failures.set(key, { count, at: now() });
      const [oldest] = failures.keys();
      if (failures.size > MOST_KEYS && oldest !== undefined) failures.delete(oldest);
    },
    worked: (key) => void failures.delete(key),
  };
}
