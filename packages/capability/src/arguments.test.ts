import { expect, it } from "vitest";
import { checkArguments } from "./arguments.ts";

const SCHEMA = JSON.stringify({
  type: "object",
  properties: { path: { type: "string", minLength: 1 }, mode: { enum: ["r", "w"] } },
  required: ["path"],
  additionalProperties: false,
});

it.each([
  ['{"path":"a"}', SCHEMA, { path: "a" }],
  [' {"path":"a","mode":"r"}\n', SCHEMA, { path: "a", mode: "r" }],
  ["", '{"type":"object"}', {}],
  ["  ", "{}", {}],
  ['{"x":{"y":[1,null]}}', "{}", { x: { y: [1, null] } }],
])("takes %j", (text, schema, value) => {
  expect(checkArguments(text, schema)).toEqual({ ok: true, value });
});

it.each([
  ["no JSON", "{nope", "the arguments are not a JSON object"],
  ["a list", "[1]", "the arguments are not a JSON object"],
  ["null", "null", "the arguments are not a JSON object"],
  ["a text", '"a"', "the arguments are not a JSON object"],
  ["what is missing", "{}", /arguments: .*path/],
  ["another type", '{"path":1}', /arguments\/path: /],
  ["what there is none of", '{"path":"a","other":1}', /other/],
  ["what is not among the values", '{"path":"a","mode":"x"}', /arguments\/mode: /],
  ["more than a megabyte", JSON.stringify({ path: "x".repeat(1024 * 1024) }), /larger than 1048576 bytes/],
  ["levels without end", `{"path":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`, /nested deeper than 100 levels/],
])("says what is wrong with %s", (_, text, problem) => {
  expect(checkArguments(text, SCHEMA)).toEqual({
    ok: false,
    problem: typeof problem === "string" ? problem : expect.stringMatching(problem),
  });
});

it("names five problems at most", () => {
  const properties = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`p${at}`, { type: "string" }]));
  const value = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`p${at}`, at]));

  const checked = checkArguments(JSON.stringify(value), JSON.stringify({ properties }));

  expect(checked.ok ? 0 : checked.problem.split("; ").length).toBe(5);
});

it.each([
  ["no JSON", "{nope"],
  ["a reference that leads nowhere", '{"$ref":"#/nowhere"}'],
])("refuses the call where the schema is %s", (_, schema) => {
  expect(checkArguments('{"path":"a"}', schema)).toMatchObject({ ok: false, problem: expect.stringMatching(/schema/) });
});
