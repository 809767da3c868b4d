import { quantile } from "../harness/row.ts";

export type LanesJob = {
  readonly inFlight: number;
  /** How long to measure, after a third of that to warm up. */
  readonly seconds: number;
};

/** What came of it. Latencies are in milliseconds. */
export type LanesResult = { readonly perSecond: number; readonly p50: number; readonly p99: number };

/**
 * Does the same thing over and over, so many at once, and measures what ends after the warm-up; longer where nothing has
 * ended by then.
 */
export async function runLanes({ inFlight, seconds }: LanesJob, act: () => Promise<void>): Promise<LanesResult> {
  const from = performance.now() + (seconds * 1000) / 3;
  let until = from + seconds * 1000;
  const latencies: number[] = [];
  const lane = async (): Promise<void> => {
    for (let began = performance.now(); began < until; began = performance.now()) {
      await act();
      const now = performance.now();
      if (now > until && latencies.length === 0) until = now;
      if (now > from && now <= until) latencies.push(now - began);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const perSecond = latencies.length / ((until - from) / 1000);
  return { perSecond, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
}
