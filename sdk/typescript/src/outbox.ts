/** Messages on their way out: a bounded queue with one reader. */
export interface Outbox<T> extends AsyncIterable<T> {
  /** False where the queue is full or ended; the item is not taken then. */
  push(item: T): boolean;
  /** The reader gets what is queued, then the end. */
  end(): void;
}

export function createOutbox<T>(capacity: number): Outbox<T> {
  const items: T[] = [];
  let ended = false;
  let wake = (): void => {};
  return {
    push(item) {
      if (ended || items.length >= capacity) return false;
      items.push(item);
      wake();
      return true;
    },
    end() {
      ended = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let item = items.shift(); item !== undefined; item = items.shift()) yield item;
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
