import { type DescField, type DescMessage, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";
import { type ApiResourceMetadata, field as fieldOption } from "@stigmer/contracts/commons";
import type { IndexEntry } from "@stigmer/store";
import { keepingReferences } from "../validate.ts";
import { type ValueType, valueTypeOf } from "./value-type.ts";

/** A field that filters may use. */
export type IndexedField = {
  /** In the contract's JSON names; also its name in the store's index. */
  readonly path: string;
  readonly type: ValueType;
  /** The text of what a field holds that nobody has set; undefined where such a field has no entry. */
  readonly unset: string | undefined;
};

/** How the resources of a kind are indexed. */
export type KindIndex = {
  /** In order of path. */
  readonly fields: readonly IndexedField[];
  /** Differs wherever the same resource has other entries. */
  readonly signature: string;
  /** The field of a path in the contract's JSON names, or in those of the proto. */
  named(path: string): IndexedField | undefined;
  entriesOf(resource: Message): readonly IndexEntry[];
};

/** The name in the store's index of the ids of what a resource belongs to; no filter can name it. */
export const OWNER_FIELD = "owner";

/** The name in the store's index of what a resource keeps from being deleted; no filter can name it. */
export const KEEPS_FIELD = "keeps";

/** How the index says that a resource is kept. */
export function keepsValue({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind}/${name}`;
}

/** What every kind can be filtered by. */
const COMMON = ["metadata.name", "metadata.createTime", "metadata.updateTime", "metadata.createdBy"];

type Resolved = IndexedField & { readonly protoPath: string; readonly steps: readonly DescField[] };

/** Resolves paths once, so that no call does. Throws where a path leads nowhere, to what has no index, or to a secret. */
export function createKindIndex(schema: DescMessage, paths: readonly string[]): KindIndex {
  const fields = [...COMMON, ...paths].map((path) => resolve(schema, path)).sort(byPath);
  const byName = new Map(fields.flatMap((field) => [[field.path, field] as const, [field.protoPath, field] as const]));
  return {
    fields,
    signature: JSON.stringify([
      OWNER_FIELD,
      KEEPS_FIELD,
      ...fields.map(({ path, type, unset }) => [path, type.name, unset ?? null]),
    ]),
    named: (path) => byName.get(path),
    entriesOf: (resource) => [
      ...fields.flatMap((field) => entryOf(field, resource)),
      ...ownerEntries(resource),
      ...keepsEntries(schema, resource),
    ],
  };
}

function ownerEntries(resource: Message): readonly IndexEntry[] {
  const { metadata } = resource as Message & { readonly metadata?: ApiResourceMetadata };
  return (metadata?.ownerRefs ?? []).map(({ id }) => [OWNER_FIELD, id]);
}

function keepsEntries(schema: DescMessage, resource: Message): readonly IndexEntry[] {
  const kept = keepingReferences(schema, resource).map(({ kind, value }) => keepsValue({ kind, name: value }));
  return [...new Set(kept)].map((value) => [KEEPS_FIELD, value]);
}

function resolve(schema: DescMessage, path: string): Resolved {
  const steps: DescField[] = [];
  let message: DescMessage | undefined = schema;
  for (const name of path.split(".")) {
    const step: DescField | undefined = message?.fields.find(({ jsonName }) => jsonName === name);
    if (step === undefined) throw new Error(`${schema.typeName} has no field ${path} to filter by`);
    if (hasOption(step, fieldOption) && getOption(step, fieldOption).sensitive) {
      throw new Error(`${schema.typeName} can't be filtered by ${path}, which is sensitive`);
    }
    steps.push(step);
    message = step.fieldKind === "message" ? step.message : undefined;
  }
  const last = steps.at(-1);
  const type = last && valueTypeOf(last);
  if (!type) throw new Error(`${schema.typeName} can't be filtered by ${path}, which is no scalar, enum or time`);
  return { path, protoPath: steps.map(({ name }) => name).join("."), steps, type, unset: unsetText(last, type) };
}

function unsetText(field: DescField, type: ValueType): string | undefined {
  if (field.presence !== Presence.IMPLICIT) return undefined;
  if (field.fieldKind === "enum") return type.textOf(0);
  return field.fieldKind === "scalar" ? type.textOf(field.getDefaultValue() ?? ZERO[type.name]) : undefined;
}

const ZERO: Readonly<Record<string, unknown>> = { text: "", boolean: false, whole: 0n, fraction: 0 };

function entryOf({ path, steps, type, unset }: Resolved, resource: Message): readonly IndexEntry[] {
  let value: unknown = resource;
  for (const step of steps) value = value === undefined ? undefined : valueIn(value as Record<string, unknown>, step);
  const text = value === undefined ? unset : type.textOf(value);
  return text === undefined ? [] : [[path, text]];
}

function valueIn(message: Record<string, unknown>, { localName, oneof }: DescField): unknown {
  if (oneof === undefined) return message[localName];
  const chosen = message[oneof.localName] as { readonly case?: string; readonly value?: unknown } | undefined;
  return chosen?.case === localName ? chosen.value : undefined;
}

function byPath(one: IndexedField, other: IndexedField): number {
  return one.path < other.path ? -1 : 1;
}
