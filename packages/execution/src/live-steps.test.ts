import type { ExecutionEvent } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { createHub } from "./hub.ts";
import { createLiveSteps } from "./live-steps.ts";

const KEY = { executionId: "aex_1", stepKey: "turn/1/model", digest: "d", attempt: 1 };
const NOTHING: ExecutionEvent["event"] = { case: undefined };

it("keeps a step until its work ends, and no longer", async () => {
  const live = createLiveSteps(createHub());
  const work = Promise.withResolvers<ExecutionEvent["event"]>();

  const step = live.start(KEY, () => work.promise);
  const during = live.get("aex_1", "turn/1/model");
  work.resolve(NOTHING);
  await step.outcome;

  expect(during).toBe(step);
  expect(live.get("aex_1", "turn/1/model")).toBeUndefined();
});

it("reads text from any byte offset, and begins anew when the call does", () => {
  const live = createLiveSteps(createHub());
  const step = live.start(KEY, () => new Promise(() => {}));

  step.append("Grüße ");
  step.append("\u{1F600}");
  const [whole, rest, length] = [step.textFrom(0), step.textFrom(8), step.length()];
  step.restart();

  expect([whole, rest, length]).toEqual(["Grüße \u{1F600}", "\u{1F600}", 12]);
  expect([step.textFrom(0), step.length(), step.restarts()]).toEqual(["", 0, 1]);
});

it("bounds the text that it holds", () => {
  const live = createLiveSteps(createHub());
  const step = live.start(KEY, () => new Promise(() => {}));
  const mebibyte = "x".repeat(1024 * 1024);

  for (let count = 0; count < 20; count++) step.append(mebibyte);

  expect(step.length()).toBe(8 * 1024 * 1024);
});

it("aborts what runs for one execution only", () => {
  const live = createLiveSteps(createHub());
  const mine = live.start(KEY, () => new Promise(() => {}));
  const other = live.start({ ...KEY, executionId: "aex_2" }, () => new Promise(() => {}));

  live.abort("aex_1", new Error("cancelled"));

  expect([mine.signal.aborted, other.signal.aborted]).toEqual([true, false]);
});

it("waits for what runs when it drains, and aborts what does not end in time", async () => {
  const live = createLiveSteps(createHub());
  const step = live.start(
    KEY,
    ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );

  await live.drain(1, new Error("stopping"));

  expect(step.signal.aborted).toBe(true);
  await expect(step.outcome).rejects.toThrow("stopping");
});
