import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createCallClock } from "./call-clock.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("says when the time is over, once", () => {
  const over = vi.fn();
  createCallClock(1_000, over);

  vi.advanceTimersByTime(999);
  expect(over).not.toHaveBeenCalled();
  vi.advanceTimersByTime(10_000);

  expect(over).toHaveBeenCalledTimes(1);
});

it("stands still while anybody holds it, however often he lets go", () => {
  const over = vi.fn();
  const clock = createCallClock(1_000, over);
  vi.advanceTimersByTime(400);
  const [first, second] = [clock.pause(), clock.pause()];

  vi.advanceTimersByTime(3_600_000);
  first();
  first();
  vi.advanceTimersByTime(3_600_000);
  second();
  vi.advanceTimersByTime(599);
  expect(over).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);

  expect(over).toHaveBeenCalledTimes(1);
});

it("says nothing once it is stopped, though it is held and let go", () => {
  const over = vi.fn();
  const clock = createCallClock(1_000, over);
  const goOn = clock.pause();

  clock.stop();
  goOn();
  vi.advanceTimersByTime(10_000);

  expect(over).not.toHaveBeenCalled();
});
