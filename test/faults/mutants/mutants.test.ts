import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nameOf, runKillers } from "./killers.ts";
import { MUTANTS } from "./mutants.ts";
import { copySources, type WorkingCopy } from "./working-copy.ts";

/** As many run at a time: those that wait for something that never comes leave room for others. */
const LANES = 3;
const MINUTE_MS = 60_000;

const free: WorkingCopy[] = [];

beforeAll(async () => {
  for (let lane = 0; lane < LANES; lane++) free.push(await copySources());
});
afterAll(async () => {
  for (const copy of free) await copy[Symbol.asyncDispose]();
});

it("has killers that are green where nothing is missing", async () => {
  const tests = MUTANTS.flatMap(({ caughtBy }) => caughtBy);
  const killers = [...new Map(tests.map((killer) => [nameOf(killer), killer])).values()];

  const { red } = await within(({ dir }) => runKillers({ dir, limitMs: 3 * MINUTE_MS }, killers));

  expect(red).toEqual([]);
});

describe.concurrent("the tests find", () => {
  it.each(MUTANTS)("$name", async (mutant) => {
    const { red, green } = await within((copy) =>
      copy.as(mutant, () => runKillers({ dir: copy.dir, limitMs: MINUTE_MS }, mutant.caughtBy)),
    );

    console.log(`${mutant.name}: found by ${red.join(", ") || "nothing"}`);
    expect(green, "what does not find it").toEqual([]);
  });
});

/** Runs in a copy of the sources that nobody else uses meanwhile; there are as many as run at a time. */
async function within<T>(run: (copy: WorkingCopy) => Promise<T>): Promise<T> {
  const copy = free.pop();
  if (!copy) throw new Error("more run at a time than there are copies of the sources");
  try {
    return await run(copy);
  } finally {
    free.push(copy);
  }
}
