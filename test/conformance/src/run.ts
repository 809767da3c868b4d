import type { CaseRun } from "./suite.ts";

/** What came of one case. */
export type Outcome = { readonly name: string; readonly ms: number; readonly error?: Error };

/** Runs all, at most `workers` at once, and reports each as it ends. Never throws for a case. */
export async function runAll(
  runs: readonly CaseRun[],
  workers: number,
  report: (outcome: Outcome) => void,
): Promise<{ readonly passed: number; readonly failed: number }> {
  let at = 0;
  let failed = 0;
  const work = async (): Promise<void> => {
    for (let next = runs[at++]; next; next = runs[at++]) {
      const outcome = await runOne(next);
      if (outcome.error) failed++;
      report(outcome);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return { passed: runs.length - failed, failed };
}

async function runOne({ name, run }: CaseRun): Promise<Outcome> {
  const start = performance.now();
  const error = await run().then(
    () => undefined,
    (thrown: unknown) => (thrown instanceof Error ? thrown : new Error(String(thrown))),
  );
  return { name, ms: Math.round(performance.now() - start), ...(error && { error }) };
}
