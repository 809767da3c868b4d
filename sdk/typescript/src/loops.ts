/** The loops that have not returned, at most one of each execution; those whose attempt is over included. */
export interface Loops {
  /**
   * Starts a loop now, or as soon as the execution's older one has returned. Where that takes too long it calls `late`, and `start`
   * may still be called later. `start` returns the promise of the loop's return, which must not reject, or nothing if nothing is to
   * be started any more.
   */
  startAlone(
    executionId: string,
    loop: { readonly start: () => Promise<void> | undefined; readonly late: () => void },
  ): void;
}

/** How long a loop whose attempt is over may take to return; nearly every one does within the same turn of the event loop. */
const WIND_DOWN_MS = 100;

export function createLoops(): Loops {
  const running = new Map<string, Promise<void>>();
  return {
    startAlone(executionId, { start, late }) {
      const begin = (): void => {
        const returned = start();
        if (!returned) return;
        const gone = returned.then(() => {
          if (running.get(executionId) === gone) running.delete(executionId);
        });
        running.set(executionId, gone);
      };
      const older = running.get(executionId);
      if (!older) return begin();
      const timer = setTimeout(late, WIND_DOWN_MS);
      // Never rejects.
      void older.then(() => {
        clearTimeout(timer);
        begin();
      });
    },
  };
}
