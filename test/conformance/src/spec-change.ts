import { clone, type DescField, ScalarType } from "@bufbuild/protobuf";
import { fieldOptionsOf } from "./field-options.ts";
import { rulesOf } from "./field-rules.ts";
import type { Kind } from "./kinds.ts";
import type { Resource } from "./resource.ts";

/** A text of the spec that may hold anything and be changed at will; not every kind has one. */
export function freeField(kind: Kind): DescField | undefined {
  return kind.spec.fields.find(isFree);
}

function isFree(field: DescField): boolean {
  if (field.fieldKind !== "scalar" || field.scalar !== ScalarType.STRING || field.oneof) return false;
  const { immutable, referenceTo, sensitive, outputOnly } = fieldOptionsOf(field);
  if (immutable || sensitive || outputOnly || referenceTo !== "") return false;
  const rules = rulesOf(field);
  return !rules.cel && !rules.string?.pattern && !rules.string?.const;
}

/** A copy of the resource with another text in its free field. */
export function changeSpec(kind: Kind, resource: Resource, text: string): Resource {
  const field = freeField(kind);
  if (!field) throw new Error(`the spec of ${kind.name} has no free field`);
  const copy = clone(kind.schema, resource) as Resource;
  if (copy.spec) copy.spec[field.localName] = text;
  return copy;
}
