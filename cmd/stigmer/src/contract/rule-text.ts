import type { DescField, JsonValue } from "@bufbuild/protobuf";
import { rulesOf } from "./rules.ts";

/** What a field demands of its value, one sentence each. */
export function ruleTexts(field: DescField): string[] {
  const rules = rulesOf(field);
  return [
    ...(rules.outputOnly ? ["set by the backend only, ignored on input"] : []),
    ...(rules.required || (isNonEmpty(rules.standard) && !rules.skipsEmpty) ? ["required"] : []),
    ...(rules.immutable ? ["can't be changed once set"] : []),
    ...(rules.sensitive ? ["sensitive: sealed, and never returned"] : []),
    ...(rules.referenceTo ? [`names a resource of the kind ${rules.referenceTo}, which must exist`] : []),
    ...(rules.listKey ? [`items are told apart by ${rules.listKey}; apply merges them one by one`] : []),
    ...(field.oneof ? [`at most one of ${field.oneof.fields.map(({ jsonName }) => jsonName).join(", ")}`] : []),
    ...standardTexts(rules.standard, ""),
    ...rules.cel.map(({ message }) => message),
  ];
}

function isNonEmpty({ minLen, minItems, minPairs }: Readonly<Record<string, JsonValue>>): boolean {
  return [minLen, minItems, minPairs].some((least) => Number(least ?? 0) > 0);
}

type Text = (value: string) => string;

const TEXTS: Readonly<Record<string, Text>> = {
  const: (value) => `must be ${value}`,
  len: (value) => `exactly ${value} characters`,
  minLen: (value) => `at least ${plural(value, "character")}`,
  maxLen: (value) => `at most ${plural(value, "character")}`,
  minBytes: (value) => `at least ${plural(value, "byte")}`,
  maxBytes: (value) => `at most ${plural(value, "byte")}`,
  pattern: (value) => `must match ${value}`,
  prefix: (value) => `must begin with ${value}`,
  suffix: (value) => `must end with ${value}`,
  contains: (value) => `must contain ${value}`,
  in: (value) => `one of ${value}`,
  notIn: (value) => `none of ${value}`,
  gt: (value) => `more than ${value}`,
  gte: (value) => `at least ${value}`,
  lt: (value) => `less than ${value}`,
  lte: (value) => `at most ${value}`,
  minItems: (value) => `at least ${plural(value, "item")}`,
  maxItems: (value) => `at most ${plural(value, "item")}`,
  unique: () => "no item twice",
  minPairs: (value) => `at least ${value} entries`,
  maxPairs: (value) => `at most ${value} entries`,
};

const PARTS: Readonly<Record<string, string>> = { items: "each item: ", keys: "each key: ", values: "each value: " };

function standardTexts(standard: Readonly<Record<string, JsonValue>>, before: string): string[] {
  return Object.entries(standard).flatMap(([name, value]) => {
    const part = PARTS[name];
    if (part && typeof value === "object" && value !== null) return partTexts(value as Record<string, JsonValue>, part);
    if (typeof value === "boolean" && name !== "unique" && name !== "const")
      return FORMATS.has(name) && value ? [`${before}must be ${FORMATS.get(name)}`] : [];
    const text = TEXTS[name];
    return text ? [before + text(Array.isArray(value) ? value.join(", ") : String(value))] : [];
  });
}

function partTexts(rules: Readonly<Record<string, JsonValue>>, before: string): string[] {
  return Object.values(rules).flatMap((inside) =>
    typeof inside === "object" && inside !== null && !Array.isArray(inside)
      ? standardTexts(inside as Record<string, JsonValue>, before)
      : [],
  );
}

const FORMATS: ReadonlyMap<string, string> = new Map([
  ["uri", "a URI"],
  ["email", "an e-mail address"],
  ["hostname", "a host name"],
  ["ip", "an IP address"],
  ["uuid", "a UUID"],
  ["address", "a host name or an IP address"],
]);

function plural(count: string, word: string): string {
  return `${count} ${word}${count === "1" ? "" : "s"}`;
}
