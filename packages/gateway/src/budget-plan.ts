import { dividedUp, type Price, ratesFor } from "./price-list.ts";

/** What is left of a bound; undefined where there is none. */
export type Left = { readonly tokens: bigint | undefined; readonly costMicros: bigint | undefined };

/** A model call before it is made. */
export type Planned = {
  readonly model: string;
  /** Tokens that the request has at most. */
  readonly inputTokens: bigint;
  /** Tokens of the answer, as many as the model or the agent allows. */
  readonly outputTokens: bigint;
  readonly price: Price | undefined;
};

/** What is set aside for a call. */
export type Share = {
  readonly tokens: bigint;
  readonly costMicros: bigint;
  /** Most tokens of the answer, so that the call stays within its share. */
  readonly outputTokens: bigint;
};

export type BudgetPlan =
  | { readonly kind: "fits"; readonly share: Share }
  | { readonly kind: "short"; readonly limit: "tokens" | "cost"; readonly needed: bigint; readonly left: bigint }
  | { readonly kind: "unpriced" };

const MILLION = 1_000_000n;

/** Whether a call fits into what is left; its answer is shortened where that is what it takes, but not below `leastOutput`. */
export function planShare(left: Left, call: Planned, leastOutput: bigint): BudgetPlan {
  const rates = call.price && ratesFor(call.price, call.inputTokens);
  if (left.costMicros !== undefined && !rates) return { kind: "unpriced" };
  const inputRate = BigInt(Math.max(rates?.input ?? 0, rates?.cachedInput ?? 0, rates?.cacheWrite ?? 0));
  const outputRate = BigInt(rates?.output ?? 0);
  const inputCost = dividedUp(call.inputTokens * inputRate, MILLION);
  const least = smaller(leastOutput, call.outputTokens);
  const needed = { tokens: call.inputTokens + least, cost: inputCost + dividedUp(least * outputRate, MILLION) };
  if (left.tokens !== undefined && needed.tokens > left.tokens)
    return { kind: "short", limit: "tokens", needed: needed.tokens, left: left.tokens };
  if (left.costMicros !== undefined && needed.cost > left.costMicros)
    return { kind: "short", limit: "cost", needed: needed.cost, left: left.costMicros };
  const byTokens = left.tokens === undefined ? call.outputTokens : left.tokens - call.inputTokens;
  const byCost =
    left.costMicros === undefined || outputRate === 0n
      ? call.outputTokens
      : ((left.costMicros - inputCost) * MILLION) / outputRate;
  const outputTokens = smaller(call.outputTokens, smaller(byTokens, byCost));
  const costMicros = inputCost + dividedUp(outputTokens * outputRate, MILLION);
  return { kind: "fits", share: { tokens: call.inputTokens + outputTokens, costMicros, outputTokens } };
}

function smaller(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
