/** Hands on what comes, but not more often than every so many milliseconds: what came last meanwhile is handed on then. */
export interface Throttle<T> {
  push(value: T): void;
  /** Nothing is handed on any more. */
  stop(): void;
}

export function createThrottle<T>(ms: number, hand: (value: T) => void): Throttle<T> {
  let timer: NodeJS.Timeout | undefined;
  let latest: { readonly value: T } | undefined;
  let isStopped = false;
  const wait = (): void => {
    timer = setTimeout(() => {
      timer = undefined;
      const due = latest;
      latest = undefined;
      if (!due) return;
      hand(due.value);
      wait();
    }, ms);
  };
  return {
    push(value) {
      if (isStopped) return;
      if (timer) {
        latest = { value };
        return;
      }
      hand(value);
      wait();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
