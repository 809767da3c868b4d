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

/** Worlds that one thread runs; then another begins anew, and what the worlds have left behind is gone. */
const WORLDS_PER_THREAD = 100;

async function work(waiting: number[], verdicts: Verdict[]): Promise<void> {
  while (waiting.length > 0) await workForAWhile(waiting, verdicts);
}

function workForAWhile(waiting: number[], verdicts: Verdict[]): Promise<void> {
  let left = WORLDS_PER_THREAD;
  return new Promise((resolve, reject) => {
    // What a world leaves behind dies young.
    const resourceLimits = { maxYoungGenerationSizeMb: 128 };
    const worker = new Worker(new URL("./seed-worker.ts", import.meta.url), { resourceLimits });
    const next = (): void => {
      const seed = left-- > 0 ? waiting.shift() : undefined;
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
