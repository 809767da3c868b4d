import { expect, it } from "vitest";
import { createPace, LONGEST_BEHIND_MS, MOST_BEHIND } from "./pace.ts";

/** A store at `newest`, and a clock, which a test sets. */
function begin(newest: number) {
  const world = { newest, now: 0 };
  const clock = { now: () => 0, monotonic: () => world.now };
  const pace = createPace(clock, () => world.newest);
  return { world, pace };
}

it("bears with a reader that keeps up, however long it goes on", () => {
  const { world, pace } = begin(1);

  for (let revision = 1; revision < 100_000; revision += 500) {
    world.newest = revision + 500;
    world.now += LONGEST_BEHIND_MS / 2;
    expect(pace.isTooSlow(revision, revision + 1)).toBe(false);
  }
});

it("bears with one that begins far behind and catches up in time", () => {
  const { world, pace } = begin(90_000);

  world.now = LONGEST_BEHIND_MS - 1;
  expect(pace.isTooSlow(10, 11)).toBe(false);
  expect(pace.isTooSlow(90_000, 90_001)).toBe(false);
  world.now = LONGEST_BEHIND_MS + 1;
  expect(pace.isTooSlow(90_000, 90_001)).toBe(false);
});

it("refuses one that begins far behind and does not catch up", () => {
  const { world, pace } = begin(90_000);

  world.now = LONGEST_BEHIND_MS + 1;

  expect(pace.isTooSlow(80_000, 80_001)).toBe(true);
});

it("refuses one that falls behind by too many commits", () => {
  const { world, pace } = begin(100);

  world.newest = 100 + MOST_BEHIND;
  expect(pace.isTooSlow(100, 101)).toBe(false);
  world.newest++;
  expect(pace.isTooSlow(100, 101)).toBe(true);
});

it("refuses one that took an event for too long while another waited, and not otherwise", () => {
  const { world, pace } = begin(1);
  const take = (ms: number) => {
    using _ = pace.taking();
    world.now += ms;
  };

  take(LONGEST_BEHIND_MS + 1);
  world.newest = 2;
  expect(pace.isTooSlow(1, 2)).toBe(false);

  {
    using _ = pace.taking();
    world.newest = 3;
    world.now += LONGEST_BEHIND_MS + 1;
  }
  expect(pace.isTooSlow(2, 3)).toBe(true);
});
