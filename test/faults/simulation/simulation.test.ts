import { availableParallelism } from "node:os";
import { expect, it } from "vitest";
import { campaign, type Verdict } from "./campaign.ts";
import { createRandom } from "./random.ts";

const first = Number(process.env.SEED ?? 1);
const count = Number(process.env.SEEDS ?? 1_000);
const threads = Math.min(2, availableParallelism());
/** Deadlines for a slow machine; on two quiet cores it takes a third of it. */
const MINUTES = 60_000;

it(
  `keeps every promise in ${count} worlds where everything goes wrong (from SEED=${first})`,
  async () => {
    const seeds = Array.from({ length: count }, (_, at) => first + at);

    const verdicts = await campaign(seeds, threads);

    console.log(summary(verdicts));
    expect(verdicts.filter(({ broken }) => broken.length > 0).map(story)).toEqual([]);
  },
  15 * MINUTES,
);

it(
  "does the same again when it is given the same seed",
  async () => {
    const random = createRandom(first);
    const seeds = Array.from({ length: Math.min(count, 8) }, () => random.int(first, first + count - 1));

    const [one, other] = [await campaign(seeds, 1), await campaign(seeds.toReversed(), 1)];

    expect(digests(other)).toEqual(digests(one));
  },
  3 * MINUTES,
);

function digests(verdicts: readonly Verdict[]): Readonly<Record<number, string>> {
  return Object.fromEntries(verdicts.map(({ seed, digest }) => [seed, digest]));
}

/** What broke, and how to see it again. */
function story({ seed, broken }: Verdict): string {
  return `SEED=${seed} SEEDS=1 make test-simulation, or node test/faults/simulation/replay.ts ${seed}: ${broken.join("; ")}`;
}

/** What the worlds were made of, so that nobody takes an empty run for a good one. */
function summary(verdicts: readonly Verdict[]): string {
  const total = (of: (counts: Verdict["counts"]) => number): number =>
    verdicts.reduce((sum, { counts }) => sum + of(counts), 0);
  const ends: Record<string, number> = {};
  for (const { counts } of verdicts)
    for (const [end, times] of Object.entries(counts.ends)) ends[end] = (ends[end] ?? 0) + times;
  const names = ["faults", "executions", "commits", "effects", "leases", "retries", "approvedAgain"] as const;
  const facts = names.map((name) => `${total((counts) => counts[name])} ${name}`);
  return `${verdicts.length} worlds: ${facts.join(", ")}; ${JSON.stringify(ends)}`;
}
