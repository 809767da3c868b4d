/** Lets work on the same thing happen one after the other. */
export interface Turns {
  /** Runs when all that was asked for the key before is over. */
  take<T>(key: string, run: () => Promise<T>): Promise<T>;
  /** Settles when nothing runs. */
  idle(): Promise<void>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    take(key, run) {
      const before = last.get(key) ?? Promise.resolve();
      const mine = before.then(run);
      const settled = mine.then(
        () => undefined,
        () => undefined,
      );
      last.set(key, settled);
      void settled.then(() => last.get(key) === settled && last.delete(key));
      return mine;
    },
    async idle() {
      while (last.size > 0) await Promise.all(last.values());
    },
  };
}
