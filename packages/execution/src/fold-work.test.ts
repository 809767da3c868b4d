import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ExecutionEventSchema, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { foldEvent } from "./fold.ts";
import { workedMs } from "./fold-work.ts";
import { emptyState } from "./state.ts";

type Body = NonNullable<MessageInitShape<typeof ExecutionEventSchema>["event"]>;

function folded(...events: readonly (readonly [ms: number, event: Body])[]) {
  const state = emptyState("aex_1");
  for (const [at, [ms, event]] of events.entries()) {
    const stepKey = event.case === "phaseChanged" ? "" : "s";
    foldEvent(state, create(ExecutionEventSchema, { time: timestampFromMs(ms), stepKey, event }), at + 1);
  }
  return state;
}

function phase(value: Phase): Body {
  return { case: "phaseChanged", value: { phase: value } };
}

it("adds up the times in which it was RUNNING, and no others", () => {
  const state = folded(
    [1_000, phase(Phase.PENDING)],
    [5_000, phase(Phase.RUNNING)],
    [7_000, phase(Phase.WAITING_FOR_APPROVAL)],
    [90_000, phase(Phase.RUNNING)],
    [91_000, phase(Phase.PAUSED)],
  );

  expect([state.workedMs, workedMs(state, 500_000)]).toEqual([3_000, 3_000]);
});

it("counts the time since it began to run, and never less than nothing where the clock was set back", () => {
  const state = folded([5_000, phase(Phase.RUNNING)]);

  expect([workedMs(state, 9_000), workedMs(state, 1_000)]).toEqual([4_000, 0]);
});

it("knows the sub-agents whose end it has not heard of, and what the others used", () => {
  const state = folded(
    [1, { case: "subAgentStarted", value: { executionId: "aex_2" } }],
    [2, { case: "subAgentEnded", value: { executionId: "aex_2", usage: { inputTokens: 5n, costMicros: 2n } } }],
    [3, { case: "subAgentStarted", value: { executionId: "aex_3" } }],
    [4, { case: "subAgentEnded", value: { executionId: "aex_3", usage: { inputTokens: 1n, unpricedCalls: 1 } } }],
    [5, { case: "subAgentStarted", value: { executionId: "aex_4" } }],
  );

  expect(state.children).toEqual(["aex_4"]);
  expect(state.status.subAgentUsage).toMatchObject({ inputTokens: 6n, costMicros: 2n, unpricedCalls: 1 });
  expect(state.status.usage?.inputTokens).toBe(0n);
});

it("sums up calls by the model that was asked in the end", () => {
  const finished = (model: string, inputTokens: bigint): Body => ({
    case: "modelCallFinished",
    value: { model, usage: { inputTokens, reasoningTokens: 1n, cacheWriteTokens: 2n } },
  });
  const state = folded([1, finished("p/a", 1n)], [2, finished("p/b", 2n)], [3, finished("p/a", 4n)]);

  expect(state.status.modelUsage).toMatchObject([
    { model: "p/a", calls: 2n, usage: { inputTokens: 5n, reasoningTokens: 2n } },
    { model: "p/b", calls: 1n, usage: { inputTokens: 2n, cacheWriteTokens: 2n } },
  ]);
  expect(state.status.usage).toMatchObject({ inputTokens: 7n, reasoningTokens: 3n, cacheWriteTokens: 6n });
});
