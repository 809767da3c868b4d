import { expect, it } from "vitest";
import { checkArguments } from "./arguments.ts";

const SCHEMA = JSON.stringify({
  type: "object",
  properties: { path: { type: "string" }, lines: { type: "integer", minimum: 1 } },
  required: ["path"],
  additionalProperties: false,
});

it("takes arguments that fit the schema", () => {
  expect(checkArguments('{"path":"a.txt","lines":2}', SCHEMA)).toEqual({
    ok: true,
    value: { path: "a.txt", lines: 2 },
  });
});

it("takes nothing for an empty object", () => {
  expect(checkArguments(" ", '{"type":"object"}')).toEqual({ ok: true, value: {} });
});

it.each([
  ["is not JSON", "{", "not a JSON object"],
  ["is a list", "[]", "not a JSON object"],
  ["is null", "null", "not a JSON object"],
  ["lacks what is required", "{}", "path"],
  ["has another type", '{"path":1}', "arguments/path"],
  ["has what the schema does not know", '{"path":"a","mode":7}', "mode"],
  ["is larger than a mebibyte", JSON.stringify({ path: "x".repeat(1024 * 1024) }), "larger than"],
])("says what is wrong when a model wrote something that %s", (_, text, problem) => {
  expect(checkArguments(text, SCHEMA)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
});

it.each(["", "{", '"x"', '{"$ref":"#/nowhere"}'])("refuses a call whose tool has the unusable schema %j", (schema) => {
  expect(checkArguments("{}", schema)).toMatchObject({ ok: false });
});

it("does not run a tool's regular expressions, which may never end", () => {
  const properties = { text: { type: "string", pattern: "^(a+)+$" } };
  const schema = JSON.stringify({
    type: "object",
    properties,
    patternProperties: { "^(b+)+$": {} },
    additionalProperties: false,
  });

  const checked = checkArguments(JSON.stringify({ text: `${"a".repeat(40)}!`, [`${"b".repeat(40)}!`]: 1 }), schema);

  expect(checked).toMatchObject({ ok: true });
});
