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

/** A copy of the resource with another text in its free field; a skill, which has none, has one file more. */
export function changeSpec(kind: Kind, resource: Resource, text: string): Resource {
  const field = freeField(kind);
  const copy = clone(kind.schema, resource) as Resource;
  const files = copy.spec?.files;
  if (field && copy.spec) copy.spec[field.localName] = text;
  else if (Array.isArray(files)) files.push({ ...files[0], path: `${text}.md` });
  else throw new Error(`the spec of ${kind.name} has no free field`);
  return copy;
}
