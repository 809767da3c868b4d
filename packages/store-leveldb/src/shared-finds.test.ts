import { expect, it } from "vitest";
import { createSharedFinds, type Found } from "./shared-finds.ts";

const filter = { tenant: "t", kind: "Agent" };
const found = (): Found => ({ changes: [], upTo: 7 });

it("finds once for all that look from one place before the next commit", () => {
  const finds = createSharedFinds();

  const first = finds.of(filter, 3, found);

  expect(finds.of(filter, 3, found)).toBe(first);
  finds.clear();
  expect(finds.of(filter, 3, found)).not.toBe(first);
});

it.each([
  ["another position", filter, 4],
  ["another kind", { ...filter, kind: "Skill" }, 3],
  ["another tenant", { ...filter, tenant: "u" }, 3],
  ["a parent", { ...filter, parent: "" }, 3],
])("finds anew for %s", (_, other, position) => {
  const finds = createSharedFinds();

  const first = finds.of(filter, 3, found);

  expect(finds.of(other, position, found)).not.toBe(first);
});

it("keeps few", () => {
  const finds = createSharedFinds();

  const first = finds.of(filter, 0, found);
  for (let position = 1; position < 100; position++) finds.of(filter, position, found);

  expect(finds.of(filter, 0, found)).not.toBe(first);
});
