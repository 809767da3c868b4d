import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Row } from "./row.ts";
import { tableOf } from "./table.ts";

/** How a bench is to run. */
export type Form = {
  /** A second or so for each figure: shows that it works, says nothing of speed. */
  readonly short: boolean;
  /** How often each side is measured, in turns. */
  readonly pairs: number;
  /** How long one measurement of calls lasts, after a warm-up of a third of that. */
  readonly seconds: number;
  /** Whether daemons run under the CPU profiler. */
  readonly profile: boolean;
  /** Ends what it holds when the bench ends, or is ended. */
  readonly resources: AsyncDisposableStack;
};

/** One of a bench's parts, which gives one row or several. */
export type Part = { readonly name: string; readonly run: (form: Form) => Promise<readonly Row[]> };

const SHORT = "the short form says nothing of speed";

/** Where results and profiles go. */
export const OUT = process.env.BENCH_OUT ?? join(import.meta.dirname, "../out");

/**
 * Runs the parts one after the other, prints their rows as a table, and keeps them as lines of `out/results.jsonl`, each
 * in place of an older one of the same row and peer. `BENCH=short` shortens it, `PAIRS=1` takes fewer turns, `ONLY=list` takes in the parts whose name contains that,
 * `PROFILE=1` or `--profile` shows where daemons spend their time. A goal that is missed is a result, not a failure.
 */
export async function runBench(parts: readonly Part[]): Promise<void> {
  const only = process.env.ONLY ?? "";
  const rows: Row[] = [];
  for (const part of parts.filter(({ name }) => name.includes(only))) {
    await using resources = new AsyncDisposableStack();
    const interrupted = endOnSignal(resources);
    const form = formOf(resources);
    const found = (await part.run(form)).map((row) => (form.short ? { ...row, note: SHORT } : row));
    interrupted[Symbol.dispose]();
    rows.push(...found);
    keep(found);
  }
  console.log(tableOf(rows));
}

/** Asks each in turn for a figure, `pairs` times round; the figures by name. */
export async function interleaved<Name extends string>(
  pairs: number,
  sides: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Readonly<Record<Name, number[]>>> {
  const names = Object.keys(sides) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < pairs; round++) for (const name of names) values[name].push(await sides[name]());
  return values;
}

function formOf(resources: AsyncDisposableStack): Form {
  const short = process.env.BENCH === "short";
  const profile = Boolean(process.env.PROFILE) || process.argv.includes("--profile");
  const pairs = Number(process.env.PAIRS) || (short ? 1 : 5);
  return { short, pairs, seconds: short ? 0.5 : 3, profile, resources };
}

function endOnSignal(resources: AsyncDisposableStack): Disposable {
  const end = (): void => {
    resources.disposeAsync().finally(() => process.exit(130));
  };
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  return {
    [Symbol.dispose]() {
      process.off("SIGINT", end);
      process.off("SIGTERM", end);
    },
  };
}

function keep(rows: readonly Row[]): void {
  mkdirSync(OUT, { recursive: true });
  const path = join(OUT, "results.jsonl");
  const isNew = new Set(rows.map(keyOf));
  const older = linesOf(path).filter((row) => !isNew.has(keyOf(row)));
  writeFileSync(path, [...older, ...rows].map((row) => `${JSON.stringify(row)}\n`).join(""));
}

function keyOf({ row, peer }: Row): string {
  return `${row}/${peer.name}`;
}

function linesOf(path: string): Row[] {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line): Row => JSON.parse(line));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
