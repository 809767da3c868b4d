import { create, type DescField, type DescMessage, type Message, ScalarType, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { edited, edits } from "./edits.ts";
import { filter, labelSelector } from "./selections.ts";
import { textFor, type Words } from "./words.ts";

const MAX_DEPTH = 5;
const STRUCT = "google.protobuf.Struct";
const ANY = "google.protobuf.Any";
/** Wrappers of one scalar stand in a message as that scalar, and the contract has none. */
const WRAPPER = /^google\.protobuf\.(Bool|U?Int\d+|String|Bytes|Double|Float)Value$/;

/** What messages are made of. */
export type Vocabulary = {
  readonly words: Words;
  /** What an `Any` may hold, beside what it may not. */
  readonly kinds: readonly DescMessage[];
};

/** Messages of a type, with fields that are often what the backend wants, so that some get past its checks. */
export function messageOf(desc: DescMessage, vocabulary: Vocabulary, depth = 0): fc.Arbitrary<Message> {
  return initOf(desc, vocabulary, depth).map((init) => create(desc, init as never));
}

type Init = Record<string, unknown>;

function initOf(desc: DescMessage, vocabulary: Vocabulary, depth: number): fc.Arbitrary<Init> {
  if (desc.typeName === ANY) return anyOf(vocabulary, depth) as fc.Arbitrary<Init>;
  const parts: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of desc.members) {
    if (member.kind === "field") {
      const value = fieldOf(member, vocabulary, depth);
      if (value) parts[member.localName] = fc.option(value, { nil: undefined, freq: member.message ? 8 : 3 });
    } else {
      const cases = member.fields.flatMap((field) => {
        const value = fieldOf(field, vocabulary, depth);
        return value ? [value.map((inner) => ({ case: field.localName, value: inner }))] : [];
      });
      if (cases.length > 0) parts[member.localName] = fc.option(fc.oneof(...cases), { nil: undefined, freq: 8 });
    }
  }
  return fc.record(parts).map(present);
}

function present(init: Init): Init {
  return Object.fromEntries(Object.entries(init).filter(([, value]) => value !== undefined));
}

function fieldOf(field: DescField, vocabulary: Vocabulary, depth: number): fc.Arbitrary<unknown> | undefined {
  const inner = elementOf(field, vocabulary, depth);
  if (!inner) return undefined;
  if (field.fieldKind === "list") return fc.array(inner, { maxLength: 4 });
  if (field.fieldKind !== "map") return inner;
  const keys = scalarOf(field.mapKey, field.name, vocabulary.words);
  return fc.array(fc.tuple(keys, inner), { maxLength: 4 }).map((entries) => {
    return Object.fromEntries(entries.map(([key, value]) => [String(key), value]));
  });
}

function elementOf(field: DescField, vocabulary: Vocabulary, depth: number): fc.Arbitrary<unknown> | undefined {
  if (field.message) {
    const { typeName } = field.message;
    if (WRAPPER.test(typeName) || depth >= MAX_DEPTH) return undefined;
    if (typeName === STRUCT) return fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
    return initOf(field.message, vocabulary, depth + 1);
  }
  if (field.enum) {
    const known = field.enum.values.map(({ number }) => number);
    return fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: fc.integer() });
  }
  return field.scalar === undefined ? undefined : scalarOf(field.scalar, nameOf(field), vocabulary.words);
}

/** A resource's own `kind` and `api_version` are constants; other fields of these names are not. */
function nameOf(field: DescField): string {
  return field.name === "kind" ? `${field.parent.name}.kind` : field.name;
}

function scalarOf(type: ScalarType, name: string, words: Words): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      if (name === "label_selector") return fc.option(labelSelector, { nil: "", freq: 2 });
      if (name === "filter") return fc.option(filter, { nil: "", freq: 2 });
      if (name.endsWith("_token")) return fc.oneof(textFor(name, words), spoiltToken(name, words));
      return textFor(name, words);
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 64 });
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return fc.float();
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return fc.oneof(fc.nat({ max: 60 }), fc.integer({ min: 0, max: 0xffffffff }));
    default:
      return fc.oneof(fc.nat({ max: 60 }), fc.integer());
  }
}

/** A token that the backend gave, and somebody changed. */
function spoiltToken(name: string, words: Words): fc.Arbitrary<string> {
  const given = fc.constantFrom(...(words[name] ?? [""]));
  return fc.tuple(given, edits).map(([token, changes]) => Buffer.from(edited(Buffer.from(token), changes)).toString());
}

function anyOf(vocabulary: Vocabulary, depth: number): fc.Arbitrary<unknown> {
  const packed = vocabulary.kinds.map((kind) =>
    messageOf(kind, vocabulary, depth + 1).map((message) => ({
      typeUrl: `type.googleapis.com/${kind.typeName}`,
      value: toBinary(kind, message),
    })),
  );
  const stray = fc.record({
    typeUrl: fc.constantFrom("", "/", "type.googleapis.com/", "x/google.protobuf.Any", "nope"),
    value: fc.uint8Array({ maxLength: 40 }),
  });
  return fc.oneof(...packed.map((arbitrary) => ({ weight: 4, arbitrary })), { weight: 1, arbitrary: stray });
}
