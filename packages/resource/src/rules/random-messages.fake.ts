import { create, type DescField, type DescMessage, getOption, type Message, ScalarType } from "@bufbuild/protobuf";
import { type FieldRules, field as fieldOption } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import fc from "fast-check";

/**
 * Messages of a type, by its rules: nearly every field is as it should be, and some are absent, at a bound, just beyond
 * it, or anything. Messages inside are made down to `depth`.
 */
export function messages(schema: DescMessage, depth = 4): fc.Arbitrary<Message> {
  const fits = (field: DescField): boolean => depth > 0 || !field.message;
  const parts: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of schema.fields.filter((one) => !one.oneof && fits(one)))
    parts[field.localName] = SELDOM.has(field.name)
      ? fc.oneof(fieldValues(field, depth), fc.constant(undefined))
      : mostly(fieldValues(field, depth), fc.constant(undefined));
  for (const field of schema.fields.filter((one) => one.oneof && fits(one))) {
    const member = fieldValues(field, depth).map((value) => ({ case: field.localName, value }));
    const name = field.oneof?.localName ?? "";
    parts[name] = fc.oneof({ weight: GOOD, arbitrary: member }, parts[name] ?? fc.constant({ case: undefined }));
  }
  return fc.record(parts).map((init) => create(schema, withoutAbsent(init) as never));
}

/** Fields that may not stand beside others. */
const SELDOM: ReadonlySet<string> = new Set(["session_id", "secret_value"]);

/** How many fields are as they should be for one that is not. */
const GOOD = 80;

function mostly<T>(good: fc.Arbitrary<T>, ...odd: fc.Arbitrary<T>[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: GOOD, arbitrary: good }, ...odd.map((arbitrary) => ({ weight: 1, arbitrary })));
}

function withoutAbsent(init: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(init).filter(([, value]) => value !== undefined));
}

function fieldValues(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const rules = getOption(field, fieldOption);
  if (field.fieldKind === "list") return lists(field, depth);
  if (field.fieldKind === "map") return maps(field, depth);
  return field.message ? messageValues(field.message, depth) : scalars(field, field.scalar, rules);
}

const MOST = 300;

function lists(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const { type } = getOption(field, fieldOption);
  const rules = type.case === "repeated" ? type.value : undefined;
  const item = field.message ? messageValues(field.message, depth) : scalars(field, field.scalar, rules?.items);
  const [least, most] = [Number(rules?.minItems ?? 0), Number(rules?.maxItems ?? 0)];
  const few = [fc.array(item, { minLength: least, maxLength: least + 1 }), fc.array(item, { maxLength: 3 })] as const;
  if (most === 0 || most > MOST) return mostly(...few);
  const many = fc.tuple(item, fc.integer({ min: most, max: most + 1 })).map(([one, count]) => Array(count).fill(one));
  return mostly(...few, many);
}

function maps(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const { type } = getOption(field, fieldOption);
  const rules = type.case === "map" ? type.value : undefined;
  const value = field.message ? messageValues(field.message, depth) : scalars(field, field.scalar, rules?.values);
  const isText = field.fieldKind === "map" && field.mapKey === ScalarType.STRING;
  const key = isText ? texts(field, rules?.keys) : fc.integer().map(String);
  const few = fc.dictionary(key, value, { maxKeys: 2 });
  const most = Number(rules?.maxPairs ?? 0);
  if (most === 0 || most > MOST) return few;
  const many = fc
    .tuple(value, fc.integer({ min: most, max: most + 1 }))
    .map(([one, count]) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, one])));
  return mostly(few, many);
}

function messageValues(schema: DescMessage, depth: number): fc.Arbitrary<unknown> {
  if (schema.typeName === "google.protobuf.Struct") return fc.constant({ a: 1, b: { c: [null] } });
  if (schema.typeName === "google.protobuf.Value")
    return fc.constant({ $typeName: schema.typeName, kind: { case: undefined } });
  if (schema.typeName !== "google.protobuf.Duration") return messages(schema, depth - 1);
  const seconds = mostly(fc.constant(60n), fc.bigInt(0n, 2n), fc.bigInt(0n, 100_000n));
  const nanos = mostly(fc.constant(0), fc.constantFrom(1, 999_999_999));
  return fc.record({ seconds, nanos }).map((init) => create(schema, init as never));
}

function scalars(
  field: DescField,
  scalar: ScalarType | undefined,
  rules: FieldRules | undefined,
): fc.Arbitrary<unknown> {
  if (field.enum) {
    const [none, ...named] = field.enum.values.map(({ number }) => number);
    return mostly(fc.constantFrom(...named, none ?? 0), fc.constant(none ?? 0), fc.constantFrom(-1, 99));
  }
  switch (scalar) {
    case ScalarType.STRING:
      return texts(field, rules);
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return byteTexts(rules);
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return mostly(fc.constant(1), fc.double());
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return numbers(-5).map(BigInt);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return numbers(0).map(BigInt);
    default:
      return numbers(scalar === ScalarType.UINT32 || scalar === ScalarType.FIXED32 ? 0 : -5, leastOf(rules));
  }
}

function byteTexts(rules: FieldRules | undefined): fc.Arbitrary<Uint8Array> {
  const length = rules?.type.case === "bytes" ? Number(rules.type.value.len) : 0;
  return mostly(fc.uint8Array({ minLength: length, maxLength: length }), fc.uint8Array({ maxLength: 4 }));
}

function leastOf(rules: FieldRules | undefined): number {
  const least = rules?.type.case === "int32" ? rules.type.value.greaterThan : undefined;
  return least?.case === "gte" ? Math.max(1, least.value) : 1;
}

function numbers(least: number, good = 1): fc.Arbitrary<number> {
  const bounds = fc.constantFrom(0, 1, 2, 100, 101, 1_000, 1_001, 10_000, 10_001);
  return mostly(fc.constant(good), bounds, fc.integer({ min: least, max: 20_000 }));
}

const TEXTS = [
  "",
  "a",
  "a-1",
  "-a",
  "a-",
  "A",
  "1",
  "_",
  "a.b",
  "openai/gpt-5",
  "x/",
  "/",
  "x/\r",
  "x/\n",
  "local",
  "latest",
  "..",
  "a/../b",
  "./a",
  "a\\b",
]
  .concat(`sha256:${"0".repeat(64)}`, `sha256:${"0".repeat(63)}`, "a\nb", "a\u2028b", "😀", "é", "\0")
  .concat("https://a", "http:///", "https://[::1]:8/a?b", "http://127.0.0.1:8/a", "http://10.0.0.1");

/** Fields whose rules no plain word keeps. */
const KNOWN: Readonly<Record<string, string>> = {
  model: "openai/gpt-5",
  fallback_models: "openai/gpt-5",
  url: "https://a",
  issuer: "https://a",
  value: "eight by",
  secret_value: "",
  digest: `sha256:${"0".repeat(64)}`,
  digests: `sha256:${"0".repeat(64)}`,
  media_type: "image/png",
  path: "SKILL.md",
  redirect_uri: "http://127.0.0.1:7777/back",
};

/** Texts that rules are about: their constants, forms that patterns know, and lengths at their bounds. */
function texts(field: DescField, rules = getOption(field, fieldOption)): fc.Arbitrary<string> {
  const own = rules.type.case === "string" ? rules.type.value : undefined;
  const [least, most] = [Number(own?.minLen ?? 0n), Number(own?.maxLen ?? 0n)];
  const good = own?.const || KNOWN[field.name] || "a".repeat(Math.max(1, least));
  const lengths = [least, most]
    .filter((bound) => bound > 0 && bound <= 20_000)
    .flatMap((bound) => [bound - 1, bound, bound + 1]);
  const near = [...lengths, 63, 64, 65].flatMap((length) => ["a".repeat(length), "😀".repeat(length)]);
  return mostly(
    fc.constant(good),
    ...[fc.constantFrom(...TEXTS), fc.constantFrom(...near), fc.string({ unit: "binary", maxLength: 12 })],
  );
}
