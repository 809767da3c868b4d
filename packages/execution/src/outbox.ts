/** Messages on their way to one reader, in order. */
export interface Outbox<T> extends AsyncIterable<T> {
  /** Adds a message. A reader that has fallen behind by the bound is cut off: its outbox closes. */
  push(message: T): void;
  /** Ends the iteration after what is already in. */
  close(): void;
}

const MAX_WAITING = 10_000;

export function createOutbox<T>(): Outbox<T> {
  const waiting: T[] = [];
  let closed = false;
  let wake: (() => void) | undefined;
  const notify = (): void => {
    wake?.();
    wake = undefined;
  };
  return {
    push(message) {
      if (closed) return;
      if (waiting.length >= MAX_WAITING) closed = true;
      else waiting.push(message);
      notify();
    },
    close() {
      closed = true;
      notify();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const message = waiting.shift();
        if (message !== undefined) yield message;
        else if (closed) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
  };
}
