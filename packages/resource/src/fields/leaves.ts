import { type DescField, type Message, type Registry, toJson } from "@bufbuild/protobuf";
import { type ReflectList, type ReflectMap, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { Json } from "../digest.ts";
import type { Kind } from "../kind.ts";
import { childPath, isEmpty, isSensitive, itemPath, itemsByKey, keyPath, shapeOf } from "./shape.ts";

/** A value that merges as one, and so has owners of its own. */
export type Leaf = { readonly value: Json; readonly sensitive: boolean };

export type Leaves = ReadonlyMap<string, Leaf>;

type See = (path: string, value: Json | undefined, sensitive: boolean) => void;
type JsonObject = { readonly [name: string]: Json };

/** Paths of what users have set in a resource: its spec, labels, annotations, owners and display name. */
export function pathsOf(kind: Kind, resource: Message): string[] {
  const paths: string[] = [];
  walk(reflect(kind.schema, resource), { path: "", json: undefined, sensitive: false }, (path) => paths.push(path));
  return paths;
}

/** What users have set in a resource, by path. */
export function leavesOf(kind: Kind, resource: Message, registry: Registry): Leaves {
  const leaves = new Map<string, Leaf>();
  const json = toJson(kind.schema, resource, { registry }) as JsonObject;
  walk(reflect(kind.schema, resource), { path: "", json, sensitive: false }, (path, value, sensitive) =>
    leaves.set(path, { value: value ?? null, sensitive }),
  );
  return leaves;
}

type At = { readonly path: string; readonly json: JsonObject | undefined; readonly sensitive: boolean };

function walk(message: ReflectMessage, at: At, see: See): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const shape = shapeOf(field);
    if (!shape) continue;
    const path = childPath(at.path, field);
    const value = at.json?.[field.jsonName];
    const sensitive = at.sensitive || isSensitive(field);
    const here = { path, value, sensitive };
    if (shape.form === "atomic") see(path, value, sensitive);
    else if (shape.form === "message") {
      const inside = message.get(field) as ReflectMessage;
      // Metadata and spec as such belong to nobody: every resource has them.
      if (at.path !== "" || !isEmpty(inside)) walkMessage(inside, here, see);
    } else if (shape.form === "map") walkMap(message.get(field) as ReflectMap, { ...here, deep: shape.deep }, see);
    else walkItems(message.get(field) as ReflectList, { ...here, key: shape.key }, see);
  }
}

type Here = { readonly path: string; readonly value: Json | undefined; readonly sensitive: boolean };

function walkMessage(message: ReflectMessage, { path, value, sensitive }: Here, see: See): void {
  if (isEmpty(message)) see(path, value, sensitive);
  else walk(message, { path, json: value as JsonObject | undefined, sensitive }, see);
}

function walkMap(map: ReflectMap, here: Here & { readonly deep: boolean }, see: See): void {
  for (const [key, item] of map) {
    const value = (here.value as JsonObject | undefined)?.[String(key)];
    const inside = { path: keyPath(here.path, key), value, sensitive: here.sensitive };
    if (here.deep) walkMessage(item as ReflectMessage, inside, see);
    else see(inside.path, value, here.sensitive);
  }
}

function walkItems(list: ReflectList, here: Here & { readonly key: DescField }, see: See): void {
  const items = itemsByKey(list, here.key);
  if (!items) see(here.path, here.value, here.sensitive);
  let index = 0;
  for (const [key, item] of items ?? []) {
    const value = (here.value as readonly Json[] | undefined)?.[index++];
    walkMessage(item, { path: itemPath(here.path, here.key, key), value, sensitive: here.sensitive }, see);
  }
}
