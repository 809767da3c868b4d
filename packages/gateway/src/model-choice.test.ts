import { create } from "@bufbuild/protobuf";
import { precondition } from "@stigmer/base";
import { ExecutionLimitsSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { createModelChoice } from "./model-choice.ts";
import type { Price } from "./price-list.ts";

const PRICE: Price = { input: 1, output: 1, source: "", date: "" };
const UNLIMITED = create(ExecutionLimitsSchema);

function choiceOf(of: { readonly defaultModel?: string; readonly price?: Price; readonly resolve?: () => unknown }) {
  const { defaultModel, price, resolve = () => {} } = of;
  const models = { priceOf: () => price, learnContextWindow: async () => 1_000 };
  return createModelChoice({ defaultModel: () => defaultModel, resolve, models, limits: () => UNLIMITED });
}

it("takes the first model that is named, and the default last", async () => {
  const choice = choiceOf({ defaultModel: "p/default" });

  expect(await choice.choose(["", "p/own"], UNLIMITED)).toEqual({ model: "p/own", contextWindow: 1_000 });
  expect(await choice.choose(["p/first", "p/second"], UNLIMITED)).toMatchObject({ model: "p/first" });
  expect(await choice.choose(["", ""], UNLIMITED)).toMatchObject({ model: "p/default" });
});

it("refuses where there is none, and what can't be resolved", async () => {
  const unknown = choiceOf({
    resolve: () => {
      throw precondition("PROVIDER_NOT_CONFIGURED");
    },
  });

  await expect(choiceOf({}).choose(["", ""], UNLIMITED)).rejects.toMatchObject({ reason: "MODEL_NOT_SET" });
  await expect(unknown.choose(["p/m"], UNLIMITED)).rejects.toMatchObject({ reason: "PROVIDER_NOT_CONFIGURED" });
});

it("refuses a model without a known price where cost has a limit, and only there", async () => {
  const limits = create(ExecutionLimitsSchema, { maxCostMicros: 1n });

  await expect(choiceOf({}).choose(["p/m"], limits)).rejects.toMatchObject({ reason: "MODEL_PRICE_UNKNOWN" });
  expect(await choiceOf({ price: PRICE }).choose(["p/m"], limits)).toMatchObject({ model: "p/m" });
  expect(await choiceOf({}).choose(["p/m"], UNLIMITED)).toMatchObject({ model: "p/m" });
});
