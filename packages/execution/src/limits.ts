import { create } from "@bufbuild/protobuf";
import { type ExecutionLimits, ExecutionLimitsSchema } from "@stigmer/contracts/agentic";

/** The smallest of what the layers say, each bound for itself; one that is not set does not count. */
export function smallestLimits(layers: readonly (ExecutionLimits | undefined)[]): ExecutionLimits {
  const all = layers.filter((layer) => layer !== undefined);
  const durations = all.flatMap(({ maxDuration }) => (maxDuration ? [maxDuration] : []));
  const maxDuration = durations.sort((one, other) => Number(nanosOf(one) - nanosOf(other)))[0];
  return create(ExecutionLimitsSchema, {
    maxTokens: smallest(all.map(({ maxTokens }) => maxTokens)),
    maxCostMicros: smallest(all.map(({ maxCostMicros }) => maxCostMicros)),
    maxToolRounds: Number(smallest(all.map(({ maxToolRounds }) => BigInt(maxToolRounds)))),
    ...(maxDuration && { maxDuration }),
  });
}

/** 0 stands for no limit. */
function smallest(values: readonly bigint[]): bigint {
  const [least = 0n] = values.filter((value) => value > 0n).sort((one, other) => Number(one - other));
  return least;
}

type Duration = NonNullable<ExecutionLimits["maxDuration"]>;

function nanosOf({ seconds, nanos }: Duration): bigint {
  return seconds * 1_000_000_000n + BigInt(nanos);
}

/** How long an execution may be RUNNING, in milliseconds; undefined where that has no bound. */
export function maxDurationMs(limits: ExecutionLimits | undefined): number | undefined {
  return limits?.maxDuration && Number(nanosOf(limits.maxDuration) / 1_000_000n);
}
