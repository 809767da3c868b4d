/** Messages on their way to one reader, in order. */
export interface Outbox<T> extends AsyncIterable<T> {
  /** Adds a message. A reader that has fallen behind by the bound is cut off: its outbox closes. */
  push(message: T): void;
  /** Ends the iteration after what is already in. */
  close(): void;
}

const MAX_WAITING = 10_000;
const MAX_WEIGHT = 32 * 1024 * 1024;

/** `weigh` says about how many bytes a message holds; it is cut off by the weight of what waits as well. */
export function createOutbox<T>(weigh: (message: T) => number = () => 0): Outbox<T> {
  const waiting: T[] = [];
  let weight = 0;
  let closed = false;
  let wake: (() => void) | undefined;
  const notify = (): void => {
    wake?.();
    wake = undefined;
  };
  return {
    push(message) {
      if (closed) return;
      const added = weigh(message);
      if (waiting.length >= MAX_WAITING || (waiting.length > 0 && weight + added > MAX_WEIGHT)) closed = true;
      else {
        waiting.push(message);
        weight += added;
      }
      notify();
    },
    close() {
      closed = true;
      notify();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const message = waiting.shift();
        if (message !== undefined) {
          weight -= weigh(message);
          yield message;
        } else if (closed) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
  };
}
