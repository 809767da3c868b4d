import { expect, it } from "vitest";
import { createIds } from "./ids.ts";

const clockAt = (times: number[]) => ({ now: () => times.shift() ?? 0, monotonic: () => 0 });

it("mints ids that sort in the order in which they were minted, also when the clock stands still or goes back", () => {
  const ids = createIds(clockAt([5, 5, 5, 3, 1, 6]));

  const minted = Array.from({ length: 6 }, () => ids.mint("agt"));

  expect(minted).toEqual([...minted].sort());
  expect(new Set(minted).size).toBe(minted.length);
});

it("writes the time as ULID prescribes", () => {
  const ids = createIds(clockAt([1469918176385]));

  expect(ids.mint("agt")).toMatch(/^agt_01ARYZ6S41[0-9A-HJKMNP-TV-Z]{16}$/);
});

it("makes suffixes that a name may end with", () => {
  const ids = createIds(clockAt([]));

  for (let count = 0; count < 1000; count++) expect(ids.suffix()).toMatch(/^[a-z0-9]{5}$/);
});
