import { type DescField, getOption, hasOption, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { FieldRulesSchema, field as fieldOption } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** What a field's rules ask for, in words. Fails on a rule that it has no words for, so that none is left out. */
export function ruleWords(field: DescField): readonly string[] {
  if (!hasOption(field, fieldOption)) return [];
  const rules = toJson(FieldRulesSchema, getOption(field, fieldOption));
  try {
    return wordsOf(objectOf(rules));
  } catch (cause) {
    throw new Error(`${field.toString()}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

type Rules = Readonly<Record<string, JsonValue>>;
type Words = (value: JsonValue, rules: Rules) => string;

function wordsOf({ ignore, ...rules }: JsonObject): readonly string[] {
  const words = Object.entries(rules).flatMap(([name, value]) => {
    if (name === "required") return value === true ? ["required"] : [];
    if (name === "cel") return listOf(value).map((rule) => String(objectOf(rule).message));
    return ofType(name, objectOf(value ?? {}));
  });
  if (ignore === undefined || words.length === 0) return words;
  if (ignore !== "IGNORE_IF_ZERO_VALUE") throw new Error(`no words for ignore: ${ignore}`);
  return [`where it is set: ${words.join("; ")}`];
}

function ofType(type: string, rules: Rules): readonly string[] {
  const table = type === "string" || type === "bytes" ? lengths(type) : (TABLES[type] ?? NUMBER);
  return [
    ...rangeOf(type, rules),
    ...Object.entries(rules).flatMap(([rule, value]) => word(table, rule, value, rules)),
  ];
}

function word(table: Readonly<Record<string, Words>>, rule: string, value: JsonValue, rules: Rules): readonly string[] {
  if (IN_RANGE.has(rule)) return [];
  const words = table[rule];
  if (words === undefined) throw new Error(`no words for the rule ${rule}`);
  const text = words(value, rules);
  return text === "" ? [] : [text];
}

/** Bounds stand in one phrase. */
const IN_RANGE = new Set(["minLen", "maxLen", "gte", "lte", "minItems", "maxItems", "minPairs", "maxPairs"]);

function rangeOf(type: string, rules: Rules): readonly string[] {
  const unit = UNITS[type] ?? "";
  const [least, most] = [
    rules.minLen ?? rules.gte ?? rules.minItems ?? rules.minPairs,
    rules.maxLen ?? rules.lte ?? rules.maxItems ?? rules.maxPairs,
  ].map((bound) => (bound === undefined ? undefined : boundOf(bound)));
  if (least === undefined && most === undefined) return [];
  if (least === undefined) return [`at most ${most}${unit}`];
  if (most === undefined) return [least === "1" && unit !== "" ? "not empty" : `at least ${least}${unit}`];
  return [least === most ? `exactly ${least}${unit}` : `${least} to ${most}${unit}`];
}

const UNITS: Readonly<Record<string, string>> = {
  string: " characters",
  bytes: " bytes",
  repeated: " items",
  map: " entries",
};

/** Thousands are parted by a comma; a duration stays as the contract's JSON has it. */
function boundOf(value: JsonValue): string {
  const text = String(value);
  return /^\d+$/.test(text) ? text.replaceAll(/\B(?=(?:\d{3})+$)/g, ",") : text;
}

const code = (value: JsonValue): string => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
const codes = (value: JsonValue): string => listOf(value).map(code).join(", ");

const ANY_VALUE: Readonly<Record<string, Words>> = {
  const: (value) => `always ${code(value)}`,
  in: (value) => `one of ${codes(value)}`,
  notIn: (value) => `none of ${codes(value)}`,
};

function lengths(type: string): Readonly<Record<string, Words>> {
  return {
    ...ANY_VALUE,
    len: (value) => `exactly ${boundOf(value)} ${type === "string" ? "characters" : "bytes"}`,
    minBytes: (value) => `at least ${boundOf(value)} bytes`,
    maxBytes: (value) => `at most ${boundOf(value)} bytes`,
    pattern: (value) => `matches ${code(value)}`,
    prefix: (value) => `begins with ${code(value)}`,
    suffix: (value) => `ends with ${code(value)}`,
    contains: (value) => `contains ${code(value)}`,
    notContains: (value) => `does not contain ${code(value)}`,
    ...Object.fromEntries(
      ["email", "hostname", "ip", "ipv4", "ipv6", "uri", "uriRef", "address", "uuid", "ulid"].map((name) => [
        name,
        (value: JsonValue) => (value === true ? `a well-formed ${name}` : ""),
      ]),
    ),
  };
}

const NUMBER: Readonly<Record<string, Words>> = {
  ...ANY_VALUE,
  gt: (value) => `more than ${boundOf(value)}`,
  lt: (value) => `less than ${boundOf(value)}`,
};

const TABLES: Readonly<Record<string, Readonly<Record<string, Words>>>> = {
  enum: {
    ...ANY_VALUE,
    definedOnly: (value) => (value === true ? "a value that the contract knows" : ""),
    notIn: (value) => (JSON.stringify(value) === "[0]" ? "required" : `none of the numbers ${codes(value)}`),
  },
  repeated: {
    unique: (value) => (value === true ? "no item twice" : ""),
    items: (value) => `each item: ${wordsOf(objectOf(value)).join("; ")}`,
  },
  map: {
    keys: (value) => `each key: ${wordsOf(objectOf(value)).join("; ")}`,
    values: (value) => `each value: ${wordsOf(objectOf(value)).join("; ")}`,
  },
};

function objectOf(value: JsonValue): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("rules are not an object");
  return value;
}

function listOf(value: JsonValue): readonly JsonValue[] {
  return Array.isArray(value) ? value : [value];
}
