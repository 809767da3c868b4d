import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createBeat } from "./beat.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout"] }));
afterEach(() => void vi.useRealTimers());

it("lets all who wait go on at once, and rests while nobody waits", async () => {
  const beat = createBeat(20);
  const gone: string[] = [];
  const wait = (name: string): Promise<void> => beat.next().then(() => void gone.push(name));
  const early = wait("early");
  await vi.advanceTimersByTimeAsync(15);
  const late = wait("late");
  expect(gone).toEqual([]);

  await vi.advanceTimersByTimeAsync(5);

  await Promise.all([early, late]);
  expect(gone).toEqual(["early", "late"]);
  expect(vi.getTimerCount()).toBe(0);
});

it("begins anew for who asks after a beat", async () => {
  const beat = createBeat(20);
  const first = beat.next();
  await vi.advanceTimersByTimeAsync(20);

  expect(beat.next()).not.toBe(first);
});
