import { type DescField, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import type { ReflectList, ReflectMessage } from "@bufbuild/protobuf/reflect";
import { ApiResourceMetadataSchema, field as fieldOption, kind as kindOption } from "@stigmer/contracts/commons";

/** How a field merges, as in Kubernetes' server-side apply. */
export type Shape =
  /** One value with one set of owners: scalars, enums, lists without a key, and messages of `google.protobuf`. */
  | { readonly form: "atomic" }
  /** Field by field. */
  | { readonly form: "message" }
  /** Key by key; each value is atomic, or where `deep` a message that merges field by field. */
  | { readonly form: "map"; readonly deep: boolean }
  /** Item by item, told apart by a string field. */
  | { readonly form: "keyed"; readonly key: DescField };

/** What of the metadata a user sets and can own; the rest names the resource, or is the backend's. */
const OWNED_METADATA = new Set(["display_name", "labels", "annotations", "owner_refs"]);
const ATOMIC: Shape = { form: "atomic" };
const MESSAGE: Shape = { form: "message" };

const sensitive = new WeakMap<DescMessage, boolean>();
const shapes = new WeakMap<DescField, Shape | undefined>();

/** How a field merges; undefined where nobody can own it. */
export function shapeOf(field: DescField): Shape | undefined {
  if (!shapes.has(field)) shapes.set(field, isOwnable(field) ? mergeShape(field) : undefined);
  return shapes.get(field);
}

const kept = new WeakMap<DescField, boolean>();

/** Whether the field's value is kept to the backend. */
export function isSensitive(field: DescField): boolean {
  // The library decodes an option anew each time that it is asked for.
  const known = kept.get(field) ?? (hasOption(field, fieldOption) && getOption(field, fieldOption).sensitive);
  kept.set(field, known);
  return known;
}

/** Whether a message has a sensitive field, at any depth. */
export function holdsSensitive(schema: DescMessage): boolean {
  const known = sensitive.get(schema);
  if (known !== undefined) return known;
  sensitive.set(schema, false); // where a message holds itself, the other fields decide
  const found = schema.fields.some((field) => isSensitive(field) || (field.message && holdsSensitive(field.message)));
  sensitive.set(schema, found);
  return found;
}

/** Throws where a message has a sensitive field, at any depth, that is no single text: only texts are sealed. */
export function requireSealable(schema: DescMessage, seen = new Set<DescMessage>()): void {
  if (seen.has(schema) || !holdsSensitive(schema)) return;
  seen.add(schema);
  for (const field of schema.fields) {
    const isText = field.fieldKind === "scalar" && field.scalar === ScalarType.STRING;
    if (isSensitive(field) && !isText) throw new Error(`${field} is sensitive and no single text, so nothing seals it`);
    if (field.message) requireSealable(field.message, seen);
  }
}

/** The field that tells the items of a list apart; undefined where its items have none. */
export function listKeyOf(field: DescField): DescField | undefined {
  const shape = shapeOf(field);
  return shape?.form === "keyed" ? shape.key : undefined;
}

/** The items of a keyed list by their keys; undefined where a key is missing or there twice, and the list is one value. */
export function itemsByKey(list: ReflectList, key: DescField): ReadonlyMap<string, ReflectMessage> | undefined {
  const items = new Map<string, ReflectMessage>();
  for (const item of list as Iterable<ReflectMessage>) {
    const value = String(item.get(key as never));
    if (!value || items.has(value)) return undefined;
    items.set(value, item);
  }
  return items;
}

/** Whether nothing in a message is set. */
export function isEmpty(message: ReflectMessage): boolean {
  return !message.fields.some((field) => message.isSet(field));
}

export const childPath = (path: string, field: DescField): string =>
  path ? `${path}.${field.jsonName}` : field.jsonName;
export const keyPath = (path: string, key: unknown): string => `${path}[${JSON.stringify(key)}]`;
export const itemPath = (path: string, field: DescField, key: string): string =>
  `${path}[${field.jsonName}=${JSON.stringify(key)}]`;

function isOwnable(field: DescField): boolean {
  if (hasOption(field.parent, kindOption)) return field.name === "metadata" || field.name === "spec";
  if (field.parent.typeName === ApiResourceMetadataSchema.typeName) return OWNED_METADATA.has(field.name);
  return !(hasOption(field, fieldOption) && getOption(field, fieldOption).outputOnly);
}

function mergeShape(field: DescField): Shape {
  if (field.fieldKind === "message") return isWellKnown(field.message) ? ATOMIC : MESSAGE;
  if (field.fieldKind === "map") {
    return { form: "map", deep: field.mapKind === "message" && !isWellKnown(field.message) };
  }
  const listKey = hasOption(field, fieldOption) ? getOption(field, fieldOption).listKey : "";
  if (!listKey) return ATOMIC;
  const key = field.message?.fields.find(({ name }) => name === listKey);
  if (!key || field.fieldKind !== "list") throw new Error(`${field} names a list_key that its items don't have`);
  return { form: "keyed", key };
}

function isWellKnown(message: { readonly typeName: string }): boolean {
  return message.typeName.startsWith("google.protobuf.");
}
