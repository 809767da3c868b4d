import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

type Keyword = (value: JsonValue) => JsonObject;

const number =
  (name: string): Keyword =>
  (value) => ({ [name]: Number(value) });

const KEYWORDS: Readonly<Record<string, Keyword>> = {
  minLen: number("minLength"),
  maxLen: number("maxLength"),
  len: (value) => ({ minLength: Number(value), maxLength: Number(value) }),
  gte: number("minimum"),
  gt: number("exclusiveMinimum"),
  lte: number("maximum"),
  lt: number("exclusiveMaximum"),
  minItems: number("minItems"),
  maxItems: number("maxItems"),
  unique: (value) => ({ uniqueItems: value === true }),
  minPairs: number("minProperties"),
  maxPairs: number("maxProperties"),
  pattern: (value) => ({ pattern: String(value) }),
  const: (value) => ({ const: value }),
  in: (value) => ({ enum: value }),
};

/** JSON Schema's words for protovalidate's rules of a field's type, as far as it has any. */
export function keywordsOf(
  standard: Readonly<Record<string, JsonValue>>,
  options: { readonly skipsEmpty: boolean },
): JsonObject {
  const entries = Object.entries(standard).flatMap(([name, value]) => Object.entries(KEYWORDS[name]?.(value) ?? {}));
  const keywords: JsonObject = Object.fromEntries(entries);
  if (!options.skipsEmpty) return keywords;
  const { minLength: _, minItems: __, minProperties: ___, pattern, ...rest } = keywords;
  return typeof pattern === "string" ? { ...rest, pattern: `^$|(?:${pattern})` } : rest;
}
