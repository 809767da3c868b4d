import fc from "fast-check";
import { expect, it } from "vitest";
import { diffLines } from "./line-diff.ts";

const line = fc.constantFrom("a", "b", "c");
// So few that each line that stays is near one that does not.
const text = fc.array(line, { minLength: 1, maxLength: 4 });

it("tells both texts, whatever they are", () => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      fc.pre(before.join() !== after.join());

      const lines = diffLines(before.join("\n"), after.join("\n"));
      const without = (kind: string) => lines.filter((one) => one.kind !== kind).map((one) => one.text);

      expect([without("added"), without("removed")]).toEqual([before, after]);
    }),
  );
});

it("shows no more changed lines than both texts have", () => {
  const long = fc.array(line, { maxLength: 60 });
  fc.assert(
    fc.property(long, long, (before, after) => {
      const lines = diffLines(before.join("\n"), after.join("\n"));
      const count = (kind: string) => lines.filter((one) => one.kind === kind).length;

      expect([count("removed") <= before.length, count("added") <= after.length]).toEqual([true, true]);
    }),
  );
});
