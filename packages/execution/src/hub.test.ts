import { expect, it } from "vitest";
import { createHub } from "./hub.ts";

it("wakes everybody who waits for an execution, and nobody else", async () => {
  const hub = createHub();
  const { signal } = new AbortController();
  let others = 0;
  const [first, second] = [hub.next("a", signal), hub.next("a", signal)];
  void hub.next("b", signal).then(() => {
    others += 1;
  });

  hub.changed("a");
  await Promise.all([first, second]);

  expect(others).toBe(0);
});

it("does not wake who begins to wait after the change", async () => {
  const hub = createHub();
  const abort = new AbortController();
  hub.changed("a");
  let woken = false;

  const waiting = hub.next("a", abort.signal).then(() => {
    woken = true;
  });
  await Promise.resolve();

  expect(woken).toBe(false);
  abort.abort();
  await waiting;
});

it("lets go of who stops to wait", async () => {
  const hub = createHub();
  const abort = new AbortController();
  const waiting = hub.next("a", abort.signal);

  abort.abort();

  await expect(waiting).resolves.toBeUndefined();
});
