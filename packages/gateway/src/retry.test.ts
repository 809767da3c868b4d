import { expect, it } from "vitest";
import { retryDelayMs } from "./retry.ts";

it("waits twice as long each time, less up to half of it at random", () => {
  const longest = [2, 3, 4].map((next) => retryDelayMs(next, undefined, () => 1));
  const shortest = [2, 3, 4].map((next) => retryDelayMs(next, undefined, () => 0));

  expect(longest).toEqual([500, 1_000, 2_000]);
  expect(shortest).toEqual([250, 500, 1_000]);
});

it("waits as long as the provider asks, up to half a minute", () => {
  expect([0, 1, 30_000].map((asked) => retryDelayMs(2, asked))).toEqual([0, 1, 30_000]);
  expect(retryDelayMs(2, 30_001)).toBeUndefined();
});

it("makes four tries, whatever the provider asks", () => {
  expect([retryDelayMs(5, undefined), retryDelayMs(5, 0)]).toEqual([undefined, undefined]);
});
