import { expect, it } from "vitest";
import { headerFault } from "./parameter-headers.ts";

const object = (properties: object, more = {}) => ({ type: "object", properties, ...more });
const named = (header: unknown, type: unknown = "string") => ({ type, "x-mcp-header": header });

it.each([
  ["no headers", object({ a: { type: "string" } })],
  ["headers at any depth of properties", object({ a: named("A"), b: object({ c: named("C", "integer") }) })],
  ["a property that is named as the keyword is", object({ "x-mcp-header": { type: "string" } })],
  ["no schema at all", undefined],
])("lets a tool be called that has %s", (_, schema) => {
  expect(headerFault(schema)).toBeUndefined();
});

it.each([
  ["an empty name", object({ a: named("") })],
  ["a name that is no text", object({ a: named(3) })],
  ["a name with a space", object({ a: named("A b") })],
  ["a name with a line's end", object({ a: named("A\r\nB") })],
  ["a number, which has no one way to be written", object({ a: named("A", "number") })],
  ["an object", object({ a: named("A", "object") })],
  ["two of one name", object({ a: named("Same"), b: named("sAME") })],
  ["one in a list", object({ a: { type: "array", items: named("A") } })],
  ["one that is there in some cases", object({}, { anyOf: [object({ a: named("A") })] })],
  ["one in a definition", object({}, { $defs: { x: named("A") } })],
  ["one of the whole", { ...object({}), "x-mcp-header": "A" }],
])("finds fault with %s", (_, schema) => {
  expect(headerFault(schema)).toEqual(expect.any(String));
});
