/** The items of `source`, and `undefined` whenever none came for `interval` milliseconds. */
export async function* withTicks<T>(source: AsyncIterable<T>, interval: number): AsyncGenerator<T | undefined> {
  const items = source[Symbol.asyncIterator]();
  let next = items.next();
  try {
    for (;;) {
      const result = await nextOrTick(next, interval);
      if (result?.done) return;
      yield result?.value;
      if (result) next = items.next();
    }
  } finally {
    next.catch(() => {}); // the source ends by its signal, and nobody waits for that
    void items.return?.();
  }
}

async function nextOrTick<T>(
  next: Promise<IteratorResult<T>>,
  interval: number,
): Promise<IteratorResult<T> | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tick = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), interval);
  });
  try {
    return await Promise.race([next, tick]);
  } finally {
    clearTimeout(timer);
  }
}
