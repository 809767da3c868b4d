import { expect, it } from "vitest";
import { addKey, mayHave, newKeyFilter } from "./key-filter.ts";

const keys = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `turn/${at}/${prefix}`);

it("knows every key that was added", () => {
  const filter = newKeyFilter();
  for (const key of keys("model", 10_000)) addKey(filter, key);

  expect(keys("model", 10_000).every((key) => mayHave(filter, key))).toBe(true);
});

it("takes few of the others for one", () => {
  const filter = newKeyFilter();
  for (const key of keys("model", 6_000)) addKey(filter, key);

  expect(keys("tool", 10_000).filter((key) => mayHave(filter, key)).length).toBeLessThan(100);
});
