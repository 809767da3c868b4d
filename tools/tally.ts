import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

/** What one suite came to; one line of the tally's file is one of these as JSON. */
export type Tally = {
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  /** The names of the tests that were skipped. */
  readonly skipped: readonly string[];
};

export type Run = {
  readonly tallies: readonly Tally[];
  /** The suites that were to run; one that ran nothing counts as a failure. */
  readonly expected: readonly string[];
  /** How the process that ran the tests ended. */
  readonly exitCode: number;
  /** Whether a skipped test counts as a failure, as it does in CI. */
  readonly noSkips: boolean;
};

/** Sums a run. The last line is always `N passed, N failed`, and the lines before it name what is not in the tests' own output. */
export function sumTallies({ tallies, expected, exitCode, noSkips }: Run): {
  readonly lines: readonly string[];
  readonly ok: boolean;
} {
  const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
  const reported = tallies.reduce((sum, tally) => sum + tally.failed, 0);
  const skipped = tallies.flatMap((tally) => tally.skipped);
  const idle = expected.filter(
    (suite) => !tallies.some((tally) => tally.suite === suite && tally.passed + tally.failed > 0),
  );
  const unexplained = exitCode !== 0 && reported === 0 && idle.length === 0;
  const failed = reported + idle.length + (unexplained ? 1 : 0) + (noSkips ? skipped.length : 0);
  const lines = [
    ...skipped.map((name) => `skipped${noSkips ? ", which fails here" : ""}: ${name}`),
    ...idle.map((suite) => `failed: no test of ${suite} ran`),
    ...(unexplained ? [`failed: the tests ended with exit code ${exitCode}`] : []),
    `${passed} passed, ${failed} failed`,
  ];
  return { lines, ok: failed === 0 };
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { file: { type: "string" }, exit: { type: "string" }, "no-skips": { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const text = await readFile(values.file ?? "", "utf8").catch(() => "");
  const tallies: readonly Tally[] = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  const run = { tallies, expected: positionals, exitCode: Number(values.exit ?? 0), noSkips: values["no-skips"] };
  const { lines, ok } = sumTallies(run);
  for (const line of lines) console.log(line);
  return ok ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
