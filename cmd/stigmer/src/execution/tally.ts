import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Usage } from "@stigmer/contracts/agentic";
import type { Item } from "./cursor.ts";

/** What an execution has used, summed over the calls that its journal has. */
export type Tally = {
  readonly calls: number;
  readonly input: bigint;
  readonly output: bigint;
  readonly cached: bigint;
  readonly reasoning: bigint;
  readonly costMicros: bigint;
  readonly unpriced: number;
  /** Times of the first and the newest entry, in milliseconds; 0 before there is one. */
  readonly from: number;
  readonly until: number;
};

export const EMPTY_TALLY: Tally = {
  ...{ calls: 0, input: 0n, output: 0n, cached: 0n, reasoning: 0n, costMicros: 0n, unpriced: 0, from: 0, until: 0 },
};

/** Adds what an entry says. Sub-agents have journals, and tallies, of their own. */
export function addToTally(tally: Tally, item: Item): Tally {
  if (item.kind !== "entry") return tally;
  const { time, event } = item.event;
  const at = time ? timestampMs(time) : tally.until;
  const timed = { ...tally, from: tally.from || at, until: at };
  return event.case === "modelCallFinished" && event.value.usage ? withUsage(timed, event.value.usage) : timed;
}

/** Two tallies as one; how long is the sum of both. */
export function sumOf(a: Tally, b: Tally): Tally {
  return {
    calls: a.calls + b.calls,
    input: a.input + b.input,
    output: a.output + b.output,
    cached: a.cached + b.cached,
    reasoning: a.reasoning + b.reasoning,
    costMicros: a.costMicros + b.costMicros,
    unpriced: a.unpriced + b.unpriced,
    from: 0,
    until: a.until - a.from + (b.until - b.from),
  };
}

/** `1,200 tokens in (800 cached), 90 out · $0.0042 · 3.1 s`; what has no price is said. */
export function tallyText(tally: Tally): string {
  const { input, output, cached, reasoning } = tally;
  const tokens = `${number(input)} tokens in${aside(cached, "cached")}, ${number(output)} out${aside(reasoning, "thinking")}`;
  return [tokens, costText(tally), durationText(tally.until - tally.from)].join(" · ");
}

function withUsage(tally: Tally, usage: Usage): Tally {
  return {
    ...tally,
    calls: tally.calls + 1,
    input: tally.input + usage.inputTokens,
    output: tally.output + usage.outputTokens,
    cached: tally.cached + usage.cachedInputTokens,
    reasoning: tally.reasoning + usage.reasoningTokens,
    costMicros: tally.costMicros + usage.costMicros,
    unpriced: tally.unpriced + usage.unpricedCalls,
  };
}

function aside(count: bigint, what: string): string {
  return count > 0n ? ` (${number(count)} ${what})` : "";
}

function number(count: bigint): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

function costText({ calls, costMicros, unpriced }: Tally): string {
  const cost = `$${costMicros / 1_000_000n}.${String(costMicros % 1_000_000n)
    .padStart(6, "0")
    .replace(/0{1,4}$/, "")}`;
  if (unpriced === 0) return cost;
  if (costMicros === 0n && unpriced >= calls) return "unpriced";
  return `${cost} and ${unpriced} unpriced ${unpriced === 1 ? "call" : "calls"}`;
}

function durationText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
