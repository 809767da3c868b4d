/** What is promised, unless the signal is aborted before: then its reason is thrown. */
export async function orAborted<T>(signal: AbortSignal, promised: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([aborted.promise, promised]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
