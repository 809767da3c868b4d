/** Things that are done side by side, up to so many. */
export interface Window {
  /** Begins with one; resolves as soon as there is room for the next. */
  take(run: () => Promise<void>): Promise<void>;
}

/** A window of a size; `failed` hears of those that throw. */
export function createWindow(size: number, failed: (error: unknown) => void): Window {
  let running = 0;
  let room: (() => void) | undefined;
  const ended = (): void => {
    running -= 1;
    room?.();
    room = undefined;
  };
  return {
    async take(run) {
      running += 1;
      void run().catch(failed).finally(ended);
      if (running < size) return;
      await new Promise<void>((resolve) => {
        room = resolve;
      });
    },
  };
}
