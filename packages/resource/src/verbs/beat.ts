/** Has those that would look again and again go on together, and not more often than once a beat. */
export type Beat = {
  /** Resolves at the next beat. */
  next(): Promise<void>;
};

/** A beat of so many milliseconds, which rests while nobody waits for it. */
export function createBeat(ms: number): Beat {
  let coming: Promise<void> | undefined;
  return {
    next() {
      coming ??= new Promise((resolve) => {
        setTimeout(() => {
          coming = undefined;
          resolve();
        }, ms);
      });
      return coming;
    },
  };
}
