import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ExecutionEventSchema, type UsageSchema } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import type { Item } from "./cursor.ts";
import { addToTally, EMPTY_TALLY, sumOf, tallyText } from "./tally.ts";

describe("what an execution has used", () => {
  it("is summed over its model calls, with the time from its first entry to its last", () => {
    const items = [
      entry(0),
      entry(1500, { inputTokens: 1200n, cachedInputTokens: 800n, outputTokens: 80n, costMicros: 4200n }),
      entry(3100, { inputTokens: 34n, outputTokens: 10n, reasoningTokens: 4n, costMicros: 1n }),
    ];

    const tally = items.reduce(addToTally, EMPTY_TALLY);

    expect(tallyText(tally)).toBe("1,234 tokens in (800 cached), 90 out (4 thinking) · $0.004201 · 3.1 s");
  });

  it.each([
    [[{ costMicros: 0n }], "$0.00"],
    [[{ costMicros: 1_500_000n }], "$1.50"],
    [[{ costMicros: 12_345_678n }], "$12.345678"],
    [[{ unpricedCalls: 1 }], "unpriced"],
    [[{ costMicros: 20_000n }, { unpricedCalls: 1 }], "$0.02 and 1 unpriced call"],
    [[{ costMicros: 20_000n }, { unpricedCalls: 1 }, { unpricedCalls: 1 }], "$0.02 and 2 unpriced calls"],
  ])("says the cost of %o as %s", (usages, text) => {
    const tally = usages.map((usage) => entry(0, usage)).reduce(addToTally, EMPTY_TALLY);

    expect(tallyText(tally).split(" · ")[1]).toBe(text);
  });

  it.each([
    [900, "0.9 s"],
    [61_000, "1 min 1 s"],
    [7_500_000, "2 h 5 min"],
  ])("says %i ms as %s", (ms, text) => {
    const tally = [entry(0), entry(ms)].reduce(addToTally, EMPTY_TALLY);

    expect(tallyText(tally).split(" · ")[2]).toBe(text);
  });

  it("is added to that of others", () => {
    const [one, other] = [2000, 500].map((ms) =>
      [entry(0), entry(ms, { inputTokens: 1n })].reduce(addToTally, EMPTY_TALLY),
    );

    expect(one && other && tallyText(sumOf(one, other))).toBe("2 tokens in, 0 out · $0.00 · 2.5 s");
  });
});

const START = Date.parse("2026-01-31T12:00:00Z");

function entry(ms: number, usage?: MessageInitShape<typeof UsageSchema>): Item {
  const time = timestampFromMs(START + ms);
  const event: MessageInitShape<typeof ExecutionEventSchema>["event"] = usage
    ? { case: "modelCallFinished", value: { usage } }
    : { case: "modelCallStarted", value: {} };
  return { kind: "entry", sequence: 1, event: create(ExecutionEventSchema, { time, event }) };
}
