import { expect, it } from "vitest";
import { retryDelayMs } from "./retry.ts";

it("waits twice as long each time, with jitter, and gives up after the fourth try", () => {
  const longest = [2, 3, 4, 5].map((next) => retryDelayMs(next, undefined, () => 1));
  const shortest = [2, 3, 4, 5].map((next) => retryDelayMs(next, undefined, () => 0));

  expect(longest).toEqual([500, 1000, 2000, undefined]);
  expect(shortest).toEqual([250, 500, 1000, undefined]);
});

it("waits as long as the provider asked, unless that is as good as a refusal", () => {
  expect([retryDelayMs(2, 1234), retryDelayMs(2, 30_001), retryDelayMs(5, 10)]).toEqual([1234, undefined, undefined]);
});
