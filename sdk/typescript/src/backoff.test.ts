import { expect, it } from "vitest";
import { backoff, heartbeatDelay, pause } from "./backoff.ts";

it("grows by a fifth each time from 50 ms to a second", () => {
  const delays = [0, 1, 2, 4, 10, 17, 1_000_000].map((tries) => Math.round(backoff(tries, 0)));

  expect(delays).toEqual([50, 60, 72, 104, 310, 1_000, 1_000]);
});

it("takes off up to half at random", () => {
  expect([backoff(17, 0), backoff(17, 0.5), backoff(17, 1)]).toEqual([1_000, 750, 500]);
});

it("never lets a heartbeat be late", () => {
  expect([heartbeatDelay(5_000, 0), heartbeatDelay(5_000, 1)]).toEqual([5_000, 4_000]);
});

it("does not wait once the signal is aborted", async () => {
  const controller = new AbortController();
  const waited = pause(60_000, controller.signal);

  controller.abort();

  await expect(waited).resolves.toBeUndefined();
  await expect(pause(60_000, controller.signal)).resolves.toBeUndefined();
});
