import type { Clock } from "@stigmer/base";

/** Most bytes that may be published while a reader has not taken them. */
export const MOST_BEHIND_BYTES = 16 * 1024 * 1024;
/** Longest that a reader may need to get to where the newest was. */
export const LONGEST_BEHIND_MS = 60_000;

/** Tells whether a reader keeps up with what is published. Positions are bytes, counted by who publishes. */
export type ReaderPace = {
  /** The reader has taken all up to here. */
  reached(position: number): void;
  /** The reader gets what was there before it began: however long that takes, it must only go on taking it. */
  replays(): void;
  /** Nothing waited for the reader until now. */
  rested(): void;
  /** Whether a reader is too slow for whom more waits. */
  isTooSlow(): boolean;
};

/** `newest` says the position of what is newest. */
export function createReaderPace(clock: Clock, newest: () => number): ReaderPace {
  let taken = newest();
  let mark = { position: taken, at: clock.monotonic() };
  let isReplaying = true;
  const setMark = (): void => {
    mark = { position: newest(), at: clock.monotonic() };
  };
  return {
    reached(position) {
      isReplaying = false;
      taken = Math.max(taken, position);
      // A reader that gets to where the newest was at the mark keeps up: the mark moves on.
      if (taken >= mark.position) setMark();
    },
    replays() {
      if (isReplaying) setMark();
    },
    rested: setMark,
    isTooSlow: () => clock.monotonic() - mark.at > LONGEST_BEHIND_MS || newest() - taken > MOST_BEHIND_BYTES,
  };
}
