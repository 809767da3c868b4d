/** Messages on their way to one reader, in order, until the end or an error. */
export interface Channel<T> extends AsyncIterable<T> {
  push(message: T): void;
  end(): void;
  /** What is not read yet is lost, and the reader gets the error. */
  fail(error: unknown): void;
  readonly isOver: boolean;
}

type Ending = { readonly error?: unknown };

export function createChannel<T>(): Channel<T> {
  const waiting: T[] = [];
  let ending: Ending | undefined;
  let wake = (): void => {};
  const finish = (how: Ending): void => {
    ending ??= how;
    wake();
  };
  return {
    push(message) {
      if (ending) return;
      waiting.push(message);
      wake();
    },
    end: () => finish({}),
    fail(error) {
      if (!ending) waiting.length = 0;
      finish({ error });
    },
    get isOver() {
      return ending !== undefined;
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) yield message;
        if (ending && "error" in ending) throw ending.error;
        if (ending) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
