import type { ExecutionEvent } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { createHub } from "./hub.ts";
import { createLiveSteps, type LiveStep } from "./live-steps.ts";

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

describe("the text of a step", () => {
  it("is read from any byte on", () => {
    const { step } = setUp().start();

    step.append("grüß ");
    step.append("🫒");

    expect(step.length()).toBe(11);
    expect([0, 7, 11, 99].map((offset) => step.textFrom(offset))).toEqual(["grüß 🫒", "🫒", "", ""]);
  });

  it("is void after a restart", () => {
    const { step } = setUp().start();
    step.append("void");

    step.restart();
    step.append("good");

    expect([step.restarts(), step.length(), step.textFrom(0)]).toEqual([1, 4, "good"]);
  });

  it("stops to grow at 8 MiB", () => {
    const { step } = setUp().start();
    const mebibyte = "x".repeat(1024 * 1024);

    for (let count = 0; count < 20; count++) step.append(mebibyte);

    expect(step.length()).toBe(8 * 1024 * 1024);
  });

  it("makes its step the one that streams, and tells who follows", async () => {
    const { live, hub, start } = setUp();
    const { step } = start();
    const before = live.streaming("e");
    const changed = hub.next("e", new AbortController().signal);

    step.append("now");

    await changed;
    expect([before, live.streaming("e")]).toEqual([undefined, step]);
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

function setUp() {
  const hub = createHub();
  const live = createLiveSteps(hub);
  const start = (of = OF): { step: LiveStep; finish: () => void; fail: (error: Error) => void } => {
    const { promise, resolve, reject } = Promise.withResolvers<Body>();
    return { step: live.start(of, () => promise), finish: () => resolve(DONE), fail: reject };
  };
  return { hub, live, start };
}
