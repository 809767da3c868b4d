import { fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { parse } from "yaml";
import { registry } from "./combinations.ts";
import { fieldOptionsOf } from "./field-options.ts";
import type { Kind } from "./kinds.ts";
import type { Resource } from "./resource.ts";

export type Examples = ReadonlyMap<string, JsonObject>;

/** The examples by kind; each text is one YAML document. */
export function parseExamples(texts: readonly string[]): Examples {
  return new Map(
    texts.map((text) => {
      const example: JsonObject = parse(text);
      return [String(example.kind), example] as const;
    }),
  );
}

/** Field of a spec, and the kind whose resource's name it holds. */
export type NameReference = { readonly field: string; readonly kind: string };

/** The spec's own fields that name another resource. */
export function nameReferences(kind: Kind): readonly NameReference[] {
  return kind.spec.fields
    .map((field) => ({ field: field.jsonName, name: field.name, kind: fieldOptionsOf(field).referenceTo }))
    .filter(({ kind: other, name }) => other !== "" && !name.endsWith("_id"));
}

export function resourceFrom(kind: Kind, json: JsonObject): Resource {
  return fromJson(kind.schema, json, { registry }) as Resource;
}

/** Lays `change` over `base`: objects are merged, all else is replaced, null removes. */
export function merge(base: JsonObject, change: JsonObject): JsonObject {
  const merged: JsonObject = { ...base };
  for (const [key, value] of Object.entries(change)) {
    const before = merged[key];
    if (value === null) delete merged[key];
    else merged[key] = isObject(before) && isObject(value) ? merge(before, value) : value;
  }
  return merged;
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
