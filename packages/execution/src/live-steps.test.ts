import type { ExecutionEvent } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { createHub } from "./hub.ts";
import { createLiveSteps, type LiveStep } from "./live-steps.ts";
import { createTextRoom } from "./live-text.ts";

type Body = ExecutionEvent["event"];

const OF = { executionId: "e", stepKey: "s", digest: "d", attempt: 1 };
const DONE: Body = { case: undefined };

describe("a step", () => {
  it("can be found while it runs, and gives its outcome to all who ask", async () => {
    const { live, start } = setUp();
    const { step, finish } = start();

    const found = live.get("e", "s");
    finish();

    expect(found).toBe(step);
    expect(await Promise.all([step.outcome, step.outcome])).toEqual([DONE, DONE]);
    expect(live.get("e", "s")).toBeUndefined();
  });

  it("that nobody waits for may fail without anybody being told", async () => {
    const { live, start } = setUp();
    const { step, fail } = start();

    fail(new Error("nobody listens"));

    await expect(step.outcome).rejects.toThrow("nobody listens");
    expect(live.get("e", "s")).toBeUndefined();
  });

  it("hears that its execution is aborted, and no other's", () => {
    const { live, start } = setUp();
    const [one, other] = [start(), start({ ...OF, executionId: "other" })];

    live.abort("e", "why");

    expect([one.step.signal.aborted, one.step.signal.reason, other.step.signal.aborted]).toEqual([true, "why", false]);
  });
});

describe("the steps of an execution", () => {
  it("are all found, and no other's", () => {
    const { live, start } = setUp();
    const [a, b] = [start().step, start({ ...OF, stepKey: "t" }).step];
    start({ ...OF, executionId: "other" });

    expect([live.of("e"), live.of("none")]).toEqual([[a, b], []]);
  });

  it("are told of once for all that a turn of the event loop brings", async () => {
    const { live, start } = setUp();
    const { step } = start();
    let told = 0;
    const off = live.onText("e", () => told++);

    step.append("one");
    step.append("two");
    await turn();
    const joined = told;
    off();
    step.append("three");
    await turn();

    expect([joined, told]).toEqual([1, 1]);
  });

  it("are told of when one ends, whose memory is free again", async () => {
    const room = createTextRoom(1024);
    const { live, start } = setUp(room);
    const { step, finish } = start();
    step.append("text");
    const changed = step.changed(new AbortController().signal);
    const before = room.take(1);

    finish();
    await changed;

    expect([before, room.take(1024), step.length(), live.of("e")]).toEqual([false, true, 0, []]);
  });
});

describe("draining", () => {
  it("waits for what runs", async () => {
    const { live, start } = setUp();
    const { step, finish } = start();
    let drained = false;
    const draining = live.drain(60_000, "stop").then(() => {
      drained = true;
    });

    const before = drained;
    finish();
    await draining;

    expect([before, step.signal.aborted]).toEqual([false, false]);
  });

  it("aborts what still runs after the time of grace", async () => {
    const { live, start } = setUp();
    const { step, fail } = start();
    step.signal.addEventListener("abort", () => fail(step.signal.reason));

    await live.drain(1, new Error("stop"));

    await expect(step.outcome).rejects.toThrow("stop");
  });

  it("ends at once where nothing runs", async () => {
    const { live } = setUp();

    await expect(live.drain(60_000, "stop")).resolves.toBeUndefined();
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function setUp(room = createTextRoom(1024 * 1024)) {
  const hub = createHub();
  const live = createLiveSteps(hub, { room });
  const start = (of = OF): { step: LiveStep; finish: () => void; fail: (error: Error) => void } => {
    const { promise, resolve, reject } = Promise.withResolvers<Body>();
    return { step: live.start(of, () => promise), finish: () => resolve(DONE), fail: reject };
  };
  return { hub, live, start };
}
