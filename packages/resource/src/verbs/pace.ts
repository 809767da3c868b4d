import type { Clock } from "@stigmer/base";

/** Most commits that a reader may be behind, counted from where it began. */
export const MOST_BEHIND = 10_000;
/** Longest that a reader may be behind. */
export const LONGEST_BEHIND_MS = 60_000;

/** Tells whether a reader keeps up with what is committed. */
export type Pace = {
  /** Runs while an event is handed over. */
  taking(): Disposable;
  /** Whether a reader is too slow who has got everything up to `sent`, and for whom the change of `waiting` is next. */
  isTooSlow(sent: number, waiting: number): boolean;
};

/** `newest` says the revision of the newest commit. */
export function createPace(clock: Clock, newest: () => number): Pace {
  const start = newest();
  let mark = { revision: start, at: clock.monotonic() };
  let keptWaiting = 0;

  return {
    taking() {
      const from = clock.monotonic();
      return {
        [Symbol.dispose]() {
          if (clock.monotonic() - from > LONGEST_BEHIND_MS) keptWaiting = newest();
        },
      };
    },
    isTooSlow(sent, waiting) {
      const now = clock.monotonic();
      // Once a reader gets to where the newest commit was at the mark, the mark moves on.
      if (sent >= mark.revision) mark = { revision: newest(), at: now };
      if (waiting <= keptWaiting || now - mark.at > LONGEST_BEHIND_MS) return true;
      return newest() - Math.max(sent, start) > MOST_BEHIND;
    },
  };
}
