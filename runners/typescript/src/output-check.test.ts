import { expect, it } from "vitest";
import { checkOutput } from "./output-check.ts";

const SCHEMA = JSON.stringify({
  type: "object",
  properties: { b: { type: "integer" }, a: { type: "string", pattern: "^x+$" } },
  required: ["b"],
  additionalProperties: false,
});

it.each([
  ['{"b":1}', '{"b":1}'],
  [' {"b" : 1.0, "a":"xx" }\n', '{"a":"xx","b":1}'],
  ['Here it is:\n```json\n{"b": 2}\n```\nDone.', '{"b":2}'],
  ['```\nno\n```\n```json\n{"b": 3}\n```', '{"b":3}'],
  ['```json\n{"b": 4}\n```\n```\nno\n```', '{"b":4}'],
])("finds the JSON in %j and answers with it in canonical form", (text, output) => {
  expect(checkOutput(text, SCHEMA)).toEqual({ ok: true, output });
});

it("keeps every member of the answer, whatever its name", () => {
  const text = '{"__proto__":1,"constructor":2,"é":"\\ud800"}';

  expect(checkOutput(text, "{}")).toEqual({ ok: true, output: '{"__proto__":1,"constructor":2,"é":"\\ud800"}' });
});

it.each<[string, string | RegExp]>([
  ["", "not JSON"],
  ["I cannot", "not JSON"],
  ["```json\n{\n```", "not JSON"],
  ["{}", /answer.*b/],
  ['{"b":"1"}', /answer\/b.*integer/],
  ['{"b":1,"c":2}', /answer.*c/],
  ['{"b":1,"a":"y"}', /answer\/a/],
  [`{"b":${"[".repeat(200)}${"]".repeat(200)}}`, "nested deeper"],
  [`"${"x".repeat(1024 * 1024)}"`, "more than"],
])("says what is wrong with #%#", (text, words) => {
  const checked = checkOutput(text, SCHEMA);

  expect(checked).toMatchObject({ ok: false, problem: expect.stringMatching(words) });
});

it("says little, however much is wrong", () => {
  const text = JSON.stringify(
    Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`${at}${"x".repeat(999)}`, 1])),
  );

  const checked = checkOutput(text, SCHEMA);

  expect(checked.ok || checked.problem.length).toBeLessThan(2_000);
});

it("fails rather than check for ever", () => {
  const schema = JSON.stringify({ type: "string", pattern: "^(a+)+$" });

  const check = () => checkOutput(JSON.stringify(`${"a".repeat(60)}!`), schema);

  expect(check).toThrow(expect.objectContaining({ reason: "OUTPUT_INVALID" }));
});

it.each(["no", '{"$ref":"#"}'])("fails where the schema cannot be used: %s", (schema) => {
  expect(() => checkOutput("1", schema)).toThrow(expect.objectContaining({ reason: "OUTPUT_INVALID" }));
});
