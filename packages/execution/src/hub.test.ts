import { expect, it } from "vitest";
import { createHub } from "./hub.ts";

const never = new AbortController().signal;

it("wakes all who wait for the execution that changed, and nobody else", async () => {
  const hub = createHub();
  const woken: string[] = [];
  const waiting = ["a", "a", "b"].map((id, at) => hub.next(id, never).then(() => woken.push(`${id}${at}`)));

  hub.changed("a");
  await Promise.all(waiting.slice(0, 2));

  expect(woken).toEqual(["a0", "a1"]);
});

it("does not lose a change that comes between taking the promise and awaiting it", async () => {
  const hub = createHub();
  const next = hub.next("a", never);

  hub.changed("a");

  await expect(next).resolves.toBeUndefined();
});

it("wakes for a change once", async () => {
  const hub = createHub();
  const first = hub.next("a", never);
  hub.changed("a");
  await first;
  let again = false;

  const second = hub.next("a", never).then(() => {
    again = true;
  });
  await Promise.resolve();
  const before = again;
  hub.changed("a");
  await second;

  expect(before).toBe(false);
});

it("stops to wait when the signal aborts, also before it began", async () => {
  const hub = createHub();
  const abort = new AbortController();
  const waiting = hub.next("a", abort.signal);

  abort.abort();

  await Promise.all([waiting, hub.next("a", abort.signal)]);
});

it("calls who listens at every change, until it no longer does, and one who listens twice twice", () => {
  const hub = createHub();
  let calls = 0;
  const listener = (): void => {
    calls++;
  };
  const offs = [hub.on("a", listener), hub.on("a", listener)];

  hub.changed("a");
  const twice = calls;
  offs[0]?.();
  hub.changed("a");
  const once = calls;
  for (const off of offs) off();
  hub.changed("a");

  expect([twice, once, calls]).toEqual([2, 3, 3]);
});
