import { expect, it } from "vitest";
import { asksFirst, effectsOf, mayRetry } from "./policy.ts";

const said = (hints: object) => ({ annotations: JSON.stringify(hints) });

it.each([
  ["says nothing", { annotations: "" }, true],
  ["says rubbish", { annotations: "{" }, true],
  ["claims to be read-only before anybody accepted it", said({ readOnlyHint: true }), false],
  ["claims to be harmless before anybody accepted it", said({ destructiveHint: false }), false],
  ["claims to be idempotent before anybody accepted it", said({ idempotentHint: true }), false],
])("asks first, and never retries in silence, for a tool that %s", (_, tool, accepted) => {
  const effects = effectsOf(tool, accepted);

  expect([asksFirst(effects), mayRetry(effects)]).toEqual([true, false]);
});

it.each([
  ["read-only", { readOnlyHint: true }, { asks: false, retries: true }],
  ["read-only, whatever else it says", { readOnlyHint: true, destructiveHint: true }, { asks: false, retries: true }],
  ["not destructive", { destructiveHint: false }, { asks: false, retries: false }],
  ["idempotent", { idempotentHint: true }, { asks: true, retries: true }],
  [
    "of another type than the specification's",
    { readOnlyHint: "yes", destructiveHint: 0 },
    { asks: true, retries: false },
  ],
])("believes a tool that was accepted and is %s", (_, hints, expected) => {
  const effects = effectsOf(said(hints), true);

  expect({ asks: asksFirst(effects), retries: mayRetry(effects) }).toEqual(expected);
});
