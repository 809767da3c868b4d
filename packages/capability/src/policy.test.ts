import { expect, it } from "vitest";
import { asksFirst, effectsOf, mayRetry } from "./policy.ts";

const CAUTION = { readOnly: false, destructive: true, idempotent: false };

it.each([
  ["nothing", "", CAUTION],
  ["rubbish", "{nope", CAUTION],
  ["no object", '"readOnlyHint"', CAUTION],
  ["null", "null", CAUTION],
  ["no hint", "{}", CAUTION],
  ["a hint that is no boolean", '{"readOnlyHint":"true","destructiveHint":0,"idempotentHint":1}', CAUTION],
  ["that it only reads", '{"readOnlyHint":true}', { readOnly: true, destructive: false, idempotent: true }],
  [
    "that it only reads, and destroys",
    '{"readOnlyHint":true,"destructiveHint":true}',
    { readOnly: true, destructive: false, idempotent: true },
  ],
  ["that it only adds", '{"destructiveHint":false}', { readOnly: false, destructive: false, idempotent: false }],
  ["that it may be repeated", '{"idempotentHint":true}', { readOnly: false, destructive: true, idempotent: true }],
])("believes an accepted tool that says %s", (_, annotations, effects) => {
  expect(effectsOf({ annotations }, true)).toEqual(effects);
});

it.each(["", '{"readOnlyHint":true}', '{"destructiveHint":false}', '{"idempotentHint":true}'])(
  "believes nothing of a tool that nobody has accepted: %j",
  (annotations) => {
    expect(effectsOf({ annotations }, false)).toEqual(CAUTION);
  },
);

it("asks before what destroys, and repeats only what reads or may be repeated", () => {
  const read = effectsOf({ annotations: '{"readOnlyHint":true}' }, true);
  const add = effectsOf({ annotations: '{"destructiveHint":false}' }, true);
  const repeat = effectsOf({ annotations: '{"idempotentHint":true}' }, true);

  expect([CAUTION, read, add, repeat].map(asksFirst)).toEqual([true, false, false, true]);
  expect([CAUTION, read, add, repeat].map(mayRetry)).toEqual([false, true, false, true]);
});
