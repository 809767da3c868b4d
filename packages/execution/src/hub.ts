/**
 * Tells who waits for an execution that something about it changed. It carries no data: readers read the store. Whoever
 * commits to an execution's journal says so here, or its readers hear of it with the next change.
 */
export interface Hub {
  changed(id: string): void;
  /** Calls `listener`, which must not throw, at each change from now on, until the function that it returns is called. */
  on(id: string, listener: () => void): () => void;
  /** Resolves at the next change after this call, or when the signal aborts. Take it before reading, await it after. */
  next(id: string, signal: AbortSignal): Promise<void>;
}

export function createHub(): Hub {
  const listeners = new Map<string, Set<() => void>>();
  const on: Hub["on"] = (id, listener) => {
    const own = (): void => listener(); // the same function may listen twice
    const known = listeners.get(id) ?? new Set();
    listeners.set(id, known.add(own));
    return () => {
      if (known.delete(own) && known.size === 0) listeners.delete(id);
    };
  };
  return {
    changed(id) {
      for (const listener of [...(listeners.get(id) ?? [])]) listener();
    },
    on,
    next: (id, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const done = (): void => {
          signal.removeEventListener("abort", done);
          off();
          resolve();
        };
        const off = on(id, done);
        signal.addEventListener("abort", done);
      }),
  };
}
