import { create, fromJson, type Registry } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { type FieldChange, FieldChangeSchema } from "@stigmer/contracts/commons";
import { canonicalJson } from "../digest.ts";
import type { Kind, Resource } from "../kind.ts";
import { type Leaf, type Leaves, leavesOf } from "./leaves.ts";

/** What users see differ between two versions, in order of path; without a version before, all of the one after. */
export function changesBetween(
  kind: Kind,
  before: Resource | undefined,
  after: Resource,
  registry: Registry,
): FieldChange[] {
  const old = before ? leavesOf(kind, before, registry) : new Map<string, Leaf>();
  return leafChanges(old, leavesOf(kind, after, registry));
}

/** Whether two leaves have the same value. */
export function sameValue(a: Leaf | undefined, b: Leaf | undefined): boolean {
  if (!a || !b) return a === b;
  return canonicalJson(a.value) === canonicalJson(b.value);
}

function leafChanges(before: Leaves, after: Leaves): FieldChange[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths
    .filter((path) => !sameValue(before.get(path), after.get(path)))
    .map((path) => changeOf(path, before.get(path), after.get(path)));
}

function changeOf(path: string, before: Leaf | undefined, after: Leaf | undefined): FieldChange {
  const sensitive = Boolean(before?.sensitive || after?.sensitive);
  const shown = (leaf: Leaf | undefined) => (leaf && !sensitive ? fromJson(ValueSchema, leaf.value) : undefined);
  const [old, fresh] = [shown(before), shown(after)];
  return create(FieldChangeSchema, { path, sensitive, ...(old && { before: old }), ...(fresh && { after: fresh }) });
}
