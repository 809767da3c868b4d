import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createStallGuard } from "./stalled.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** Something in front of which always as much waits, watched for a minute at a time. */
function begin() {
  const written = { writableLength: 65_536, on: () => {} };
  const end = vi.fn<() => void>();
  const guard = createStallGuard(60_000);
  guard.watch(written, end);
  return { written, end, guard };
}

it("ends what nothing goes of for its whole time, and not before", () => {
  const { end } = begin();

  vi.advanceTimersByTime(60_000);
  expect(end).not.toHaveBeenCalled();
  vi.advanceTimersByTime(30_000);

  expect(end).toHaveBeenCalled();
});

it("leaves alone what goes slowly, even where as much waits whenever it looks", () => {
  const { written, end, guard } = begin();

  for (let minute = 0; minute < 10; minute += 0.75) {
    guard.moved(written);
    vi.advanceTimersByTime(45_000);
  }

  expect(end).not.toHaveBeenCalled();
});
