import type { Reader } from "./calls.ts";

const NEXT_MS = 10_000;

/** Reads a stream that `open` begins at the first read; disposing of it gives the call up. */
export function streamReader<O>(open: (signal: AbortSignal) => Promise<AsyncIterable<O>>): Reader<O> {
  const controller = new AbortController();
  let source: Promise<AsyncIterator<O>> | undefined;
  const begin = async (): Promise<AsyncIterator<O>> => (await open(controller.signal))[Symbol.asyncIterator]();
  const next = async (): Promise<O> => {
    source ??= begin();
    const result = await inTime(source.then((iterator) => iterator.next()));
    if (result.done) throw new Error("the stream ended");
    return result.value;
  };
  return {
    next,
    async until(last) {
      const seen: O[] = [];
      for (;;) {
        const message = await next();
        seen.push(message);
        if (last(message)) return seen;
      }
    },
    async [Symbol.asyncDispose]() {
      controller.abort();
      await source?.then((iterator) => iterator.return?.()).catch(() => {}); // being given up is what it is told
    },
  };
}

async function inTime<T>(waiting: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no message came within ${NEXT_MS} ms`)), NEXT_MS);
  });
  try {
    return await Promise.race([waiting, late]);
  } finally {
    clearTimeout(timer);
  }
}
