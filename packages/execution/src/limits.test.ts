import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ExecutionLimitsSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { maxDurationMs, smallestLimits } from "./limits.ts";

function layer(limits: MessageInitShape<typeof ExecutionLimitsSchema>) {
  return create(ExecutionLimitsSchema, limits);
}

it("takes the smallest of each bound, wherever it stands", () => {
  const limits = smallestLimits([
    undefined,
    layer({ maxTokens: 500n, maxToolRounds: 3, maxDuration: { seconds: 60n } }),
    layer({ maxTokens: 900n, maxCostMicros: 7n, maxDuration: { seconds: 59n, nanos: 5 } }),
    layer({ maxCostMicros: 8n, maxToolRounds: 30 }),
  ]);

  expect(limits).toEqual(
    layer({ maxTokens: 500n, maxCostMicros: 7n, maxToolRounds: 3, maxDuration: { seconds: 59n, nanos: 5 } }),
  );
});

it("has no bound where no layer has one", () => {
  const limits = smallestLimits([undefined, layer({})]);

  expect(limits).toEqual(layer({}));
  expect(maxDurationMs(limits)).toBeUndefined();
});

it("says a duration in milliseconds", () => {
  expect(maxDurationMs(layer({ maxDuration: { seconds: 2n, nanos: 500_000_000 } }))).toBe(2_500);
});
