/** What a keyword of JSON schema holds. */
export type Holds =
  | "schema"
  | "schemas"
  | "schemasByName"
  | "reference"
  | "version"
  | "types"
  | "expression"
  | "texts"
  | "textsByName"
  | "text"
  | "number"
  | "count"
  | "boolean"
  | "list"
  | "anything";

/** Keywords of 2020-12 that are held to, or that say something to people. A schema is one document: it names no other. */
export const KEYWORDS: Readonly<Record<string, Holds>> = {
  ...{ $schema: "version", $ref: "reference", $defs: "schemasByName", $comment: "text" },
  ...{ title: "text", description: "text", default: "anything", examples: "list", format: "text" },
  ...{ deprecated: "boolean", readOnly: "boolean", writeOnly: "boolean" },
  ...{ type: "types", enum: "list", const: "anything" },
  ...{ allOf: "schemas", anyOf: "schemas", oneOf: "schemas", not: "schema" },
  // biome-ignore lint/suspicious/noThenProperty: a keyword, and nothing is awaited
  ...{ if: "schema", then: "schema", else: "schema", dependentSchemas: "schemasByName" },
  ...{ properties: "schemasByName", patternProperties: "schemasByName", additionalProperties: "schema" },
  ...{ propertyNames: "schema", unevaluatedProperties: "schema", required: "texts", dependentRequired: "textsByName" },
  ...{ minProperties: "count", maxProperties: "count" },
  ...{ prefixItems: "schemas", items: "schema", contains: "schema", unevaluatedItems: "schema" },
  ...{ minItems: "count", maxItems: "count", uniqueItems: "boolean", minContains: "count", maxContains: "count" },
  ...{ minLength: "count", maxLength: "count", pattern: "expression" },
  ...{ minimum: "number", maximum: "number", exclusiveMinimum: "number", exclusiveMaximum: "number" },
  multipleOf: "number",
};

/** Keywords whose schemas are about the same value as the one in which they stand. */
export const IN_PLACE: ReadonlySet<string> = new Set([
  ...["$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"],
]);

export const TYPES: ReadonlySet<unknown> = new Set([
  ...["null", "boolean", "object", "array", "number", "integer", "string"],
]);

export const VERSION = "https://json-schema.org/draft/2020-12/schema";
