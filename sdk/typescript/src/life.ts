/** Why a runner ended: it was drained, by its signal or by its backend, or it was without a backend for too long. */
export type RunnerEnd = "drained" | "orphaned";

/** When a runner ends, and why. */
export type Life = {
  readonly done: AbortSignal;
  /** Aborted with or after `done`: there is no time for a goodbye. */
  readonly stop: AbortSignal;
  readonly connected: () => void;
  readonly disconnected: () => void;
  readonly drain: () => void;
  readonly isDraining: () => boolean;
  readonly check: () => void;
  stopAfter(ms: number): void;
  end(): RunnerEnd;
  dispose(): void;
};

export type LifeOptions = {
  readonly orphanAfterMs: number;
  readonly isIdle: () => boolean;
  /** Called once, when the drain begins. */
  readonly onDrain: () => void;
};

export function createLife({ orphanAfterMs, isIdle, onDrain }: LifeOptions): Life {
  const done = new AbortController();
  const stop = new AbortController();
  let end: RunnerEnd = "drained";
  let isDraining = false;
  let drainTimer: NodeJS.Timeout | undefined;
  const finish = (why: RunnerEnd, how: "goodbye" | "at once"): void => {
    if (!done.signal.aborted) end = why;
    done.abort();
    if (how === "at once") stop.abort();
  };
  const orphaned = (): void => finish("orphaned", "at once");
  let orphanTimer: NodeJS.Timeout | undefined = setTimeout(orphaned, orphanAfterMs);
  const check = (): void => {
    if (isDraining && isIdle()) finish("drained", "goodbye");
  };
  const connected = (): void => {
    clearTimeout(orphanTimer);
    orphanTimer = undefined;
    check();
  };
  return {
    done: done.signal,
    stop: stop.signal,
    connected,
    disconnected: () => {
      orphanTimer ??= setTimeout(orphaned, orphanAfterMs);
    },
    drain: () => {
      if (!isDraining) {
        isDraining = true;
        onDrain();
      }
      check();
    },
    isDraining: () => isDraining,
    check,
    stopAfter: (ms) => {
      drainTimer ??= setTimeout(() => finish("drained", "at once"), ms);
    },
    end: () => end,
    dispose: () => {
      clearTimeout(orphanTimer);
      clearTimeout(drainTimer);
    },
  };
}
