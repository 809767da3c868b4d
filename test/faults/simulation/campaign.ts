import { Worker } from "node:worker_threads";
import type { Outcome } from "./world.ts";

/** What a seed came to, without its trace. */
export type Verdict = Omit<Outcome, "lines">;

/** Runs many worlds, `threads` at a time, each in a thread with time and chance of its own. Answers in no order. */
export async function campaign(seeds: readonly number[], threads: number): Promise<readonly Verdict[]> {
  const waiting = [...seeds];
  const verdicts: Verdict[] = [];
  await Promise.all(Array.from({ length: threads }, () => work(waiting, verdicts)));
  return verdicts;
}

function work(waiting: number[], verdicts: Verdict[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // What a world leaves behind dies young.
    const resourceLimits = { maxYoungGenerationSizeMb: 128 };
    const worker = new Worker(new URL("./seed-worker.ts", import.meta.url), { resourceLimits });
    const next = (): void => {
      const seed = waiting.shift();
      if (seed === undefined) void worker.terminate().then(() => resolve(), reject);
      else worker.postMessage(seed);
    };
    worker.on("message", (verdict: Verdict) => {
      verdicts.push(verdict);
      next();
    });
    worker.on("error", reject);
    next();
  });
}
