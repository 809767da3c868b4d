import { expect, it } from "vitest";
import { decodeCursor, encodeCursor } from "./cursors.ts";
import { isFault } from "./faults.ts";

it.each(["agt_01", "", "\0", "ä 橄欖 🫒", "x".repeat(600), '"],"'])("gives back the position %j", (position) => {
  const token = encodeCursor("query", position);

  expect(decodeCursor("query", token)).toBe(position);
  expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
});

it("refuses the token of another query", () => {
  const token = encodeCursor("query", "agt_01");

  expect(() => decodeCursor("other", token)).toThrow(expect.objectContaining({ reason: "PAGE_TOKEN_INVALID" }));
});

it.each([
  "",
  "rubbish",
  "!!!!",
  "eyJ9",
  btoa("[]"),
  btoa("[1]"),
  btoa('[2,"query","x"]'),
  btoa('[1,"query",2]'),
  btoa('[1,"query","x","y"]'),
  btoa('{"0":1}'),
  btoa("\xff\xfe"),
  btoa("[".repeat(10_000)),
])("refuses the rubbish %j", (token) => {
  let fault: unknown;
  try {
    decodeCursor("query", token);
  } catch (error) {
    fault = error;
  }

  expect(isFault(fault, "PAGE_TOKEN_INVALID") && fault.violations).toMatchObject([{ field: "pageToken" }]);
});
