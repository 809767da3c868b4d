import { create } from "@bufbuild/protobuf";
import { type ToolProgress, ToolProgressSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { createProgressFeed } from "./progress.ts";

const world = { now: 0 };
const clock = { now: () => 0, monotonic: () => world.now };

function progress(stepKey: string, value: number, executionId = "aex_1"): ToolProgress {
  return create(ToolProgressSchema, { call: { executionId, stepKey, attempt: 1 }, progress: value });
}

it("tells those who listen to the execution, and nobody else", () => {
  const feed = createProgressFeed(clock);
  const heard: number[] = [];
  const off = feed.on("aex_1", ({ progress: value }) => heard.push(value));

  feed.tell(progress("s1", 1));
  feed.tell(progress("s1", 2, "aex_2"));
  off();
  feed.tell(progress("s2", 3));

  expect(heard).toEqual([1]);
});

it("leaves out what comes too fast, for each call by itself", () => {
  const feed = createProgressFeed(clock);
  const heard: number[] = [];
  feed.on("aex_1", ({ progress: value }) => heard.push(value));

  for (let value = 1; value <= 100; value++) feed.tell(progress("s1", value));
  feed.tell(progress("s2", 200));
  world.now += 100;
  feed.tell(progress("s1", 300));

  expect(heard).toEqual([1, 200, 300]);
});
