import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createThrottle } from "./throttle.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("hands on the first at once, then the latest of each while, and nothing twice", () => {
  const handed: number[] = [];
  const throttle = createThrottle<number>(100, (value) => void handed.push(value));

  for (let value = 1; value <= 50; value++) {
    throttle.push(value);
    vi.advanceTimersByTime(10);
  }
  vi.advanceTimersByTime(1_000);

  expect(handed).toEqual([1, 10, 20, 30, 40, 50]);
});

it("hands on nothing once it is stopped", () => {
  const handed: number[] = [];
  const throttle = createThrottle<number>(100, (value) => void handed.push(value));
  throttle.push(1);
  throttle.push(2);

  throttle.stop();
  throttle.push(3);
  vi.advanceTimersByTime(1_000);

  expect(handed).toEqual([1]);
});
