/** Tells who waits for an execution that something about it changed. It carries no data: readers read the store. */
export interface Hub {
  changed(id: string): void;
  /** Resolves at the next change after this call, or when the signal aborts. Take it before reading, await it after. */
  next(id: string, signal: AbortSignal): Promise<void>;
}

export function createHub(): Hub {
  const waiting = new Map<string, Set<() => void>>();
  return {
    changed(id) {
      const wake = waiting.get(id);
      waiting.delete(id);
      for (const resolve of wake ?? []) resolve();
    },
    next: (id, signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          signal.removeEventListener("abort", done);
          waiting.get(id)?.delete(done);
          if (waiting.get(id)?.size === 0) waiting.delete(id);
          resolve();
        };
        if (signal.aborted) return resolve();
        signal.addEventListener("abort", done);
        waiting.set(id, (waiting.get(id) ?? new Set()).add(done));
      }),
  };
}
