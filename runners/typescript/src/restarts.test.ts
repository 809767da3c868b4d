import { expect, it } from "vitest";
import { createRestarts } from "./restarts.ts";

it("forgives the first failure, and makes each one after it wait twice as long, half a minute at most", () => {
  let now = 0;
  const restarts = createRestarts(() => now);

  const waits = Array.from({ length: 12 }, () => {
    restarts.failed("a");
    return restarts.waitMs("a");
  });
  now = 29_000;

  expect(waits.slice(0, 4)).toEqual([0, 250, 500, 1_000]);
  expect(waits.at(-1)).toBe(30_000);
  expect(restarts.waitMs("a")).toBe(1_000);
  expect(restarts.waitMs("b")).toBe(0);
});

it("forgets the failures of a server that works", () => {
  const restarts = createRestarts(() => 0);
  for (let count = 0; count < 5; count++) restarts.failed("a");

  restarts.worked("a");
  restarts.failed("a");

  expect(restarts.waitMs("a")).toBe(0);
});
