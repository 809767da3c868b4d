import { expect, it } from "vitest";
import { decodeCursor, encodeCursor } from "./cursors.ts";
import { isFault } from "./faults.ts";

it.each(["", "agt_01", "Ünïcode \u{1F600}", "a\u0000b"])(
  "gives back the position %j to the query that made the token",
  (position) => {
    expect(decodeCursor("query", encodeCursor("query", position))).toBe(position);
  },
);

it.each([
  ["another query's", encodeCursor("other", "agt_01")],
  ["rubbish", "%%%"],
  ["a truncated", encodeCursor("query", "agt_01").slice(0, -4)],
  ["a forged", btoa(JSON.stringify([1, "query"]))],
  ["an empty", ""],
])("refuses %s token", (_, token) => {
  expect(() => decodeCursor("query", token)).toThrow(expect.toSatisfy((error) => isFault(error, "PAGE_TOKEN_INVALID")));
});
