import { describe, expect, it } from "vitest";
import { schemaProblem } from "./output-schema.ts";

const problem = (schema: unknown): string | undefined => schemaProblem(JSON.stringify(schema));

it("takes a schema of the keywords that answers are held to", () => {
  const tree = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "a tree",
    type: "object",
    properties: {
      name: { type: ["string", "null"], pattern: "^[a-z]+$", maxLength: 9 },
      children: { type: "array", items: { $ref: "#" }, prefixItems: [true] },
      "a/b": { $ref: "#/$defs/a~1b" },
    },
    required: ["name"],
    additionalProperties: false,
    $defs: { "a/b": { enum: [1, 2], default: { pattern: "(" } } },
  };

  expect(problem(tree)).toBeUndefined();
});

describe("refuses what is no schema:", () => {
  it.each(["", "no", "[]", "true", "null", '"text"'])("%j", (text) => {
    expect(schemaProblem(text)).toContain("the JSON of an object");
  });
});

describe("refuses, and says where,", () => {
  it.each<[string, unknown, string]>([
    ["a keyword with a slip of the pen", { properties: { a: { requird: ["b"] } } }, '#/properties/a: "requird"'],
    ["a keyword that is a name of every object", { constructor: {} }, '#: "constructor"'],
    ["a schema that is none", { items: [{}] }, "#/items"],
    ["a list of schemas that is none", { anyOf: {} }, "#/anyOf"],
    ["a type that there is not", { type: "text" }, "#/type"],
    ["no type at all", { type: [] }, "#/type"],
    ["an expression that is none", { properties: { a: { pattern: "(" } } }, "#/properties/a/pattern"],
    ["a name by an expression that is none", { patternProperties: { "(": {} } }, "#/patternProperties"],
    ["a count below nothing", { minItems: -1 }, "#/minItems"],
    ["a number that is a text", { minimum: "1" }, "#/minimum"],
    ["required that is no list", { required: "a" }, "#/required"],
    ["an older version", { $schema: "http://json-schema.org/draft-07/schema#" }, "#/$schema"],
    ["a reference to another document", { $ref: "https://example.com/a.json" }, "#/$ref"],
    ["a reference to nothing", { $ref: "#/$defs/a" }, "#/$ref"],
    [
      "a reference to what is no schema",
      { default: {}, properties: { a: { $ref: "#/default" } } },
      "#/properties/a/$ref",
    ],
  ])("%s", (_, schema, at) => {
    expect(problem(schema)).toContain(at);
  });
});

it.each([
  [{ $ref: "#" }],
  [{ anyOf: [{ $ref: "#/$defs/a" }], $defs: { a: { not: { $ref: "#/$defs/b" } }, b: { $ref: "#/$defs/a" } } }],
])("refuses a schema that would be checked for ever: %j", (schema) => {
  expect(problem(schema)).toContain("refers to itself");
});

it("refuses a schema that is nested without end", () => {
  let schema: unknown = {};
  for (let level = 0; level < 200; level++) schema = { not: schema };

  expect(problem(schema)).toContain("nested deeper");
});
