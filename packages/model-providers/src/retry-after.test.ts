import { expect, it } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

it.each([
  ["seconds", { "retry-after": "20" }, 20_000],
  ["parts of a second", { "retry-after": "0.5" }, 500],
  ["a date", { "retry-after": "Fri, 02 Jan 2026 03:04:35 GMT" }, 30_000],
  ["a date that is past", { "retry-after": "Fri, 02 Jan 2026 03:04:00 GMT" }, 0],
  ["milliseconds first", { "retry-after": "20", "retry-after-ms": "1500" }, 1500],
  ["a day at most", { "retry-after": "99999999999" }, 86_400_000],
  ["nothing where it is absent", {}, undefined],
  ["nothing where it is rubbish", { "retry-after": "soon" }, undefined],
  ["nothing where it is negative", { "retry-after": "-5" }, undefined],
])("reads %s", (_, headers, expected) => {
  expect(retryAfterMs(new Headers(Object.entries(headers)), NOW)).toBe(expected);
});
