import { expect, it } from "vitest";
import { identifierProblem, MAX_IDENTIFIER_BYTES, textProblem } from "./identifiers.ts";

it.each(["", "a", "a b", "~", "é", "e\u0301", "𝄞".repeat(MAX_IDENTIFIER_BYTES / 4), "\u0001", "\ufffd", "a\nb"])(
  "takes %j",
  (text) => {
    expect(identifierProblem(text)).toBeUndefined();
  },
);

it.each([
  ["a\0b", "holds NUL"],
  ["\ud800", "holds a lone surrogate"],
  ["x".repeat(MAX_IDENTIFIER_BYTES + 1), `is longer than ${MAX_IDENTIFIER_BYTES} bytes`],
  [`${"𝄞".repeat(MAX_IDENTIFIER_BYTES / 4)}x`, `is longer than ${MAX_IDENTIFIER_BYTES} bytes`],
])("says why it does not take %j", (text, problem) => {
  expect(identifierProblem(text)).toBe(problem);
});

it("takes text of any length where nothing is looked up by it", () => {
  expect(textProblem("x".repeat(100_000))).toBeUndefined();
});
