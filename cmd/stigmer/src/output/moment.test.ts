import { expect, it } from "vitest";
import { timeOf } from "./moment.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");

it.each([
  ["7d", "2026-11-14T12:00:00.000Z"],
  ["90m", "2026-11-21T10:30:00.000Z"],
  ["2w", "2026-11-07T12:00:00.000Z"],
  ["2026-11-01", "2026-11-01T00:00:00.000Z"],
  ["2026-11-01T06:00:00+02:00", "2026-11-01T04:00:00.000Z"],
  ["999999w", "1970-01-01T00:00:00.000Z"],
])("takes %s for %s", (text, time) => {
  expect(timeOf(text, NOW)?.toISOString()).toBe(time);
});

it("takes all for no bound", () => {
  expect(timeOf("all", NOW)).toBeUndefined();
});

it.each(["", "7", "yesterday", "2026-13-01", "-7d", "1e3d"])("refuses %j", (text) => {
  expect(() => timeOf(text, NOW)).toThrow(/is not a time/);
});
