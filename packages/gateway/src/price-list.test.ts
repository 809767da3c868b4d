import { create } from "@bufbuild/protobuf";
import { UsageSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { costOf, createPriceList, ratesFor } from "./price-list.ts";
import { PRICES } from "./prices.ts";

const RATES = { input: 2_000_000, cachedInput: 200_000, cacheWrite: 2_500_000, output: 10_000_000 };

it("adds up each kind of token at its own rate, and rounds up", () => {
  const usage = { inputTokens: 1_000n, cachedInputTokens: 600n, cacheWriteTokens: 300n, outputTokens: 50n };

  expect(costOf(RATES, create(UsageSchema, usage))).toBe(200n + 120n + 750n + 500n);
  expect(costOf({ input: 1, output: 1 }, create(UsageSchema, { inputTokens: 1n }))).toBe(1n);
  expect(costOf({ input: 0, output: 0 }, create(UsageSchema, usage))).toBe(0n);
});

it("never counts less than nothing where a provider's figures do not add up", () => {
  const usage = create(UsageSchema, { inputTokens: 10n, cachedInputTokens: 50n, cacheWriteTokens: 50n });

  expect(costOf(RATES, usage)).toBe(2n);
});

it("takes the configuration's word before the table's, for one model or all of a provider", () => {
  const list = createPriceList(() => ({
    "openai/gpt-5": { inputMicros: 1, outputMicros: 2, cachedInputMicros: 3 },
    "lmstudio/*": { inputMicros: 0, outputMicros: 0 },
  }));

  expect(list.priceOf("openai/gpt-5")).toMatchObject({ input: 1, output: 2, cachedInput: 3, source: "config.yaml" });
  expect(list.priceOf("lmstudio/qwen/qwen3")).toMatchObject({ input: 0, output: 0 });
});

it("knows the version of a model by its name without the date", () => {
  const list = createPriceList(() => ({}));

  expect(list.priceOf("openai/gpt-5-2025-08-07")).toMatchObject({ input: 1_250_000 });
  expect(list.priceOf("anthropic/claude-opus-4-5-20251101")).toMatchObject({ output: 25_000_000 });
});

it("asks nothing for models that run at home or follow a script, and knows no price of what it does not know", () => {
  const list = createPriceList(() => ({}));

  expect(list.priceOf("ollama/qwen3:8b")).toMatchObject({ input: 0, output: 0 });
  expect(list.priceOf("scripted/demo.yaml")).toMatchObject({ input: 0, output: 0 });
  expect(list.priceOf("openai/gpt-99")).toBeUndefined();
});

it("has another rate, or none, for requests beyond those that a price is for", () => {
  const tiered = { ...RATES, maxInput: 100, beyond: { input: 9, output: 9 }, source: "", date: "" };
  const { beyond: _, ...open } = tiered;

  expect(ratesFor(tiered, 100n)).toBe(tiered);
  expect(ratesFor(tiered, 101n)).toEqual({ input: 9, output: 9 });
  expect(ratesFor(open, 101n)).toBeUndefined();
});

it("says of each row of the table where it is from and when it was read", () => {
  expect(new Set(PRICES.map(({ model }) => model)).size).toBe(PRICES.length);
  for (const row of PRICES) {
    expect(row.source).toMatch(/^https:\/\//);
    expect(row.date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    for (const price of [row.input, row.cachedInput, row.cacheWrite, row.output])
      expect(price).toSatisfy(Number.isInteger);
    expect(row.maxOutput).toBeLessThanOrEqual(row.contextWindow);
  }
});
