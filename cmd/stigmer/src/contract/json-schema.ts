import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import type { Kind } from "../kinds/kinds.ts";
import { messageOf } from "../kinds/registry.ts";
import type { Docs } from "./docs.ts";
import { type FieldRules, messageRules, rulesOf } from "./rules.ts";
import { keywordsOf } from "./schema-keywords.ts";
import { leafSchema } from "./schema-leaves.ts";

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** A JSON Schema for manifests of the kinds: of the one, or where there are several of any of them. */
export function schemaOf(kinds: readonly Kind[], docs: Docs): JsonObject {
  const context: Context = { docs, definitions: new Map() };
  const roots = kinds.map((kind) => ({ kind, schema: manifestSchema(context, kind) }));
  const $defs = Object.fromEntries([...context.definitions].sort(([a], [b]) => (a < b ? -1 : 1)));
  const [only] = roots;
  if (only && roots.length === 1) return { $schema: DIALECT, title: only.kind.kind, ...only.schema, $defs };
  const own = Object.fromEntries(roots.map(({ kind, schema }) => [kind.kind, schema]));
  return {
    $schema: DIALECT,
    title: "Manifest",
    description: "A resource of any kind that can be applied.",
    oneOf: roots.map(({ kind }) => ({ $ref: `#/$defs/${kind.kind}` })),
    $defs: { ...own, ...$defs },
  };
}

type Context = { readonly docs: Docs; readonly definitions: Map<string, JsonObject> };

/** The envelope says which kind it is; a manifest may leave out what the backend fills in. */
function manifestSchema(context: Context, kind: Kind): JsonObject {
  const schema = objectSchema(context, messageOf(kind));
  const { properties } = schema as { readonly properties: Record<string, JsonObject> };
  const known = {
    ...properties,
    kind: { ...properties.kind, const: kind.kind },
    apiVersion: { ...properties.apiVersion, const: kind.apiVersion },
  };
  return {
    ...schema,
    properties: known,
    required: [...new Set(["kind", ...((schema.required as string[] | undefined) ?? [])])],
  };
}

function objectSchema(context: Context, message: DescMessage): JsonObject {
  const fields = message.fields.map((field) => ({ field, rules: rulesOf(field) }));
  const required = fields.filter(({ rules }) => isRequired(rules)).map(({ field }) => field.jsonName);
  const description = [
    context.docs.of(message.typeName),
    ...messageRules(message).map((rule) => `Rule: ${rule.message}.`),
  ];
  const exclusive = message.oneofs.flatMap(({ fields: alternatives }) =>
    pairs(alternatives.map(({ jsonName }) => jsonName)),
  );
  return {
    type: "object",
    ...described(description.filter(Boolean).join("\n\n")),
    properties: Object.fromEntries(
      fields.map(({ field, rules }) => [field.jsonName, fieldSchema(context, field, rules)]),
    ),
    ...(required.length > 0 && { required }),
    ...(exclusive.length > 0 && { allOf: exclusive }),
    additionalProperties: false,
  };
}

function isRequired({ required, skipsEmpty, outputOnly, standard }: FieldRules): boolean {
  const { minLen, minItems, minPairs } = standard;
  const isNonEmpty = [minLen, minItems, minPairs].some((least) => Number(least ?? 0) > 0);
  return !outputOnly && (required || (isNonEmpty && !skipsEmpty));
}

/** No two of a oneof's fields may stand together. */
function pairs(names: readonly string[]): JsonObject[] {
  return names.flatMap((a, at) => names.slice(at + 1).map((b) => ({ not: { required: [a, b] } })));
}

function fieldSchema(context: Context, field: DescField, rules: FieldRules): JsonObject {
  const text = [
    context.docs.of(`${field.parent.typeName}.${field.name}`),
    ...rules.cel.map(({ message }) => `Rule: ${message}.`),
  ];
  return {
    ...described(text.filter(Boolean).join("\n\n")),
    ...(rules.outputOnly && { readOnly: true }),
    ...(rules.sensitive && { writeOnly: true }),
    ...typeSchema(context, field, rules),
  };
}

function typeSchema(context: Context, field: DescField, rules: FieldRules): JsonObject {
  const { standard, skipsEmpty } = rules;
  if (field.fieldKind === "list") {
    const items = { ...valueSchema(context, field), ...inner(standard.items) };
    return { type: "array", items, ...keywordsOf(standard, { skipsEmpty }) };
  }
  if (field.fieldKind === "map") {
    const names = inner(standard.keys);
    const additionalProperties = { ...valueSchema(context, field), ...inner(standard.values) };
    return {
      type: "object",
      additionalProperties,
      ...(Object.keys(names).length > 0 && { propertyNames: names }),
      ...keywordsOf(standard, { skipsEmpty }),
    };
  }
  return { ...valueSchema(context, field), ...(!field.message && keywordsOf(standard, { skipsEmpty })) };
}

/** Rules of a list's items, or a map's keys or values: `{ string: { maxLen: "63" } }`. */
function inner(rules: JsonValue | undefined): JsonObject {
  const [standard] = Object.values((rules ?? {}) as JsonObject).filter(
    (value) => typeof value === "object" && !Array.isArray(value),
  );
  return standard ? keywordsOf(standard as JsonObject, { skipsEmpty: false }) : {};
}

function valueSchema(context: Context, field: DescField): JsonObject {
  if (field.enum) return enumSchema(field.enum);
  if (field.message) return leafSchema(field.message.typeName) ?? reference(context, field.message);
  return SCALARS[field.scalar ?? ScalarType.STRING] ?? LARGE;
}

function enumSchema(desc: DescEnum): JsonObject {
  return { type: "string", enum: desc.values.filter(({ number }) => number !== 0).map(({ name }) => name) };
}

function reference(context: Context, message: DescMessage): JsonObject {
  const { typeName } = message;
  if (!context.definitions.has(typeName)) {
    // Known before it is made: a message may hold itself.
    context.definitions.set(typeName, {});
    context.definitions.set(typeName, objectSchema(context, message));
  }
  return { $ref: `#/$defs/${typeName}` };
}

/** Whole numbers of 64 bits are text in Protobuf's JSON, and either in a manifest. */
const LARGE: JsonObject = { type: ["integer", "string"], pattern: "^-?[0-9]+$" };
const SMALL: JsonObject = { type: "integer", minimum: -2_147_483_648, maximum: 2_147_483_647 };
const NATURAL: JsonObject = { type: "integer", minimum: 0, maximum: 4_294_967_295 };

const SCALARS: Partial<Record<ScalarType, JsonObject>> = {
  [ScalarType.STRING]: { type: "string" },
  [ScalarType.BYTES]: { type: "string", contentEncoding: "base64" },
  [ScalarType.BOOL]: { type: "boolean" },
  [ScalarType.DOUBLE]: { type: "number" },
  [ScalarType.FLOAT]: { type: "number" },
  [ScalarType.INT32]: SMALL,
  [ScalarType.SINT32]: SMALL,
  [ScalarType.SFIXED32]: SMALL,
  [ScalarType.UINT32]: NATURAL,
  [ScalarType.FIXED32]: NATURAL,
};

function described(description: string): JsonObject {
  return description ? { description } : {};
}
