import { expect, it } from "vitest";
import { createIds, idsFrom } from "./ids.ts";

const at = (now: number) => ({ now: () => now, monotonic: () => 0 });

it("mints a prefix and a ULID whose first ten characters are the time", () => {
  const id = createIds(at(1_469_918_176_385)).mint("agt");

  expect(id).toMatch(/^agt_01ARYZ6S41[0-9A-HJKMNP-TV-Z]{16}$/);
});

it("mints ids that sort in the order in which they were minted, even within a millisecond", () => {
  const ids = createIds(at(1_700_000_000_000));

  const minted = Array.from({ length: 5_000 }, () => ids.mint("x"));

  expect(minted).toEqual([...minted].sort());
  expect(new Set(minted).size).toBe(minted.length);
});

it("keeps the order when the clock goes back", () => {
  const times = [5_000, 4_000, 1, 5_001];
  const ids = createIds({ now: () => times.shift() ?? 0, monotonic: () => 0 });

  const minted = [ids.mint("x"), ids.mint("x"), ids.mint("x"), ids.mint("x")];

  expect(minted).toEqual([...minted].sort());
  expect(new Set(minted.slice(0, 3).map((id) => id.slice(0, 12))).size).toBe(1);
});

it("does not let one source's ids repeat another's", () => {
  const [one, other] = [createIds(at(1)), createIds(at(1))];

  expect(one.mint("x")).not.toBe(other.mint("x"));
});

it("makes suffixes that a name may end with", () => {
  const ids = createIds(at(1));

  const suffixes = Array.from({ length: 1_000 }, () => ids.suffix());

  for (const suffix of suffixes) expect(suffix).toMatch(/^[a-km-np-z2-9a-z]{5}$/);
  expect(new Set(suffixes).size).toBeGreaterThan(990);
});

it("tells ids of a moment and later from those before, in order of their bytes", () => {
  let now = 1_000;
  const ids = createIds({ now: () => now, monotonic: () => 0 });
  const before = ids.mint("x");
  now = 1_001;
  const after = ids.mint("x");

  expect(before < idsFrom("x", 1_001)).toBe(true);
  expect(after > idsFrom("x", 1_001)).toBe(true);
  expect(idsFrom("x", 1_000.5)).toBe(idsFrom("x", 1_001));
});
