import { create } from "@bufbuild/protobuf";
import { type Usage, UsageSchema } from "@stigmer/contracts/agentic";
import { FREE, PRICES, type PriceRow, type Rates } from "./prices.ts";

/** What `config.yaml` says a model costs, in millionths of a US dollar for a million tokens. */
export type ConfiguredPrice = {
  readonly inputMicros: number;
  readonly cachedInputMicros?: number;
  readonly cacheWriteMicros?: number;
  readonly outputMicros: number;
};

/** What a model costs, and who says so. */
export type Price = Pick<PriceRow, "maxInput" | "beyond" | "source"> &
  Rates & {
    /** Empty where that is not known. */
    readonly date: string;
  };

/** What is known of models beside what their providers say. */
export interface PriceList {
  /** The price of `provider/model`; undefined where none is known. */
  priceOf(model: string): Price | undefined;
  /** The table's row of a model. */
  rowOf(model: string): PriceRow | undefined;
}

/** The table, and before it what the configuration says. */
export function createPriceList(
  configured: () => Readonly<Record<string, ConfiguredPrice>>,
  table: readonly PriceRow[] = PRICES,
): PriceList {
  const rows = new Map(table.map((row) => [row.model, row]));
  const rowOf = (model: string): PriceRow | undefined => rows.get(model) ?? rows.get(withoutDate(model));
  return {
    rowOf,
    priceOf(model) {
      const provider = providerOf(model);
      const own = configured();
      const said = own[model] ?? own[`${provider}/*`];
      if (said) return ofConfigured(said);
      if (FREE.includes(provider)) return { input: 0, output: 0, source: "runs on a machine of yours", date: "" };
      return rowOf(model);
    },
  };
}

/** The first part of `provider/model`. */
export function providerOf(model: string): string {
  return model.slice(0, Math.max(0, model.indexOf("/")));
}

/** Vendors name a version of a model by its date: `gpt-5-2025-08-07`, `claude-opus-4-5-20251101`. */
function withoutDate(model: string): string {
  return model.replace(/-(?:\d{4}-\d{2}-\d{2}|\d{8})$/, "");
}

function ofConfigured(said: ConfiguredPrice): Price {
  const { inputMicros: input, outputMicros: output, cachedInputMicros, cacheWriteMicros } = said;
  return {
    ...{ input, output, source: "config.yaml", date: "" },
    ...(cachedInputMicros !== undefined && { cachedInput: cachedInputMicros }),
    ...(cacheWriteMicros !== undefined && { cacheWrite: cacheWriteMicros }),
  };
}

/** The rates of a request of so many tokens; undefined where it is longer than those whose price is known. */
export function ratesFor(price: Price, inputTokens: bigint): Rates | undefined {
  return price.maxInput === undefined || inputTokens <= BigInt(price.maxInput) ? price : price.beyond;
}

const MILLION = 1_000_000n;

/** What a call cost, in millionths of a US dollar, rounded up. */
export function costOf(rates: Rates, usage: Usage): bigint {
  const { input, cachedInput = input, cacheWrite = input, output } = rates;
  const cached = least(usage.cachedInputTokens, usage.inputTokens);
  const written = least(usage.cacheWriteTokens, usage.inputTokens - cached);
  const fresh = usage.inputTokens - cached - written;
  const prices = [
    [fresh, input],
    [cached, cachedInput],
    [written, cacheWrite],
    [usage.outputTokens, output],
  ] as const;
  return dividedUp(
    prices.reduce((sum, [tokens, rate]) => sum + tokens * BigInt(rate), 0n),
    MILLION,
  );
}

/** What a call used, with what it cost; one whose price is not known says so. */
export function pricedUsage(
  price: Price | undefined,
  used: Usage,
): { readonly usage: Usage; readonly priceDate: string } {
  const rates = price && ratesFor(price, used.inputTokens);
  const cost = rates ? { costMicros: costOf(rates, used) } : { unpricedCalls: 1 };
  return { usage: create(UsageSchema, { ...used, ...cost }), priceDate: rates ? (price?.date ?? "") : "" };
}

function least(one: bigint, other: bigint): bigint {
  const smaller = one < other ? one : other;
  return smaller < 0n ? 0n : smaller;
}

/** A division of numbers that are not negative, rounded up. */
export function dividedUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}
