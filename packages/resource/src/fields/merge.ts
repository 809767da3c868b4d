import type { DescField } from "@bufbuild/protobuf";
import { type ReflectList, type ReflectMap, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { Kind, Resource } from "../kind.ts";
import { childPath, isEmpty, itemPath, itemsByKey, keyPath, shapeOf } from "./shape.ts";

type Items = ReadonlyMap<string, ReflectMessage>;

/** Sets in `live` what `applied` sets; the rest of `live` stays. Afterwards the two may share parts. */
export function mergeApplied(kind: Kind, live: Resource, applied: Resource): void {
  mergeMessage(reflect(kind.schema, live), reflect(kind.schema, applied));
}

/** Takes the values at these paths out, and what is empty without them. */
export function removePaths(kind: Kind, live: Resource, paths: ReadonlySet<string>): void {
  if (paths.size > 0) pruneMessage(reflect(kind.schema, live), "", paths);
}

function mergeMessage(live: ReflectMessage, applied: ReflectMessage): void {
  for (const field of applied.fields) {
    const shape = shapeOf(field);
    if (!shape || !applied.isSet(field)) continue;
    const value = applied.get(field);
    if (shape.form === "message" && live.isSet(field)) {
      mergeMessage(live.get(field) as ReflectMessage, value as ReflectMessage);
    } else if (shape.form === "map") {
      mergeMap(live.get(field) as ReflectMap, value as ReflectMap, shape.deep);
    } else if (shape.form === "keyed" && live.isSet(field)) {
      mergeItems(live.get(field) as ReflectList, value as ReflectList, shape.key);
    } else live.set(field, value);
  }
}

function mergeMap(live: ReflectMap, applied: ReflectMap, deep: boolean): void {
  for (const [key, value] of applied) {
    const there = deep ? live.get(key) : undefined;
    if (there) mergeMessage(there as ReflectMessage, value as ReflectMessage);
    else live.set(key, value);
  }
}

/** The applied items take the places of those that are there already, in their own order; what is left over comes last. */
function mergeItems(live: ReflectList, applied: ReflectList, key: DescField): void {
  const there = itemsByKey(live, key);
  const wanted = itemsByKey(applied, key);
  replaceItems(live, there && wanted ? mergedItems(there, wanted) : [...applied]);
}

function mergedItems(there: Items, wanted: Items): readonly (ReflectMessage | undefined)[] {
  const merged = [...wanted].map(([name, item]) => {
    const own = there.get(name);
    if (own) mergeMessage(own, item);
    return own ?? item;
  });
  const placed = [...there].map(([name, item]) => (wanted.has(name) ? merged.shift() : item));
  return [...placed, ...merged];
}

function replaceItems(list: ReflectList, items: readonly unknown[]): void {
  list.clear();
  for (const item of items) list.add(item);
}

function pruneMessage(message: ReflectMessage, path: string, gone: ReadonlySet<string>): void {
  for (const field of message.fields) {
    const shape = shapeOf(field);
    if (!shape || !message.isSet(field)) continue;
    const at = childPath(path, field);
    if (shape.form === "atomic") {
      if (gone.has(at)) message.clear(field);
    } else if (shape.form === "message") {
      if (pruneInside(message.get(field) as ReflectMessage, at, gone) && path !== "") message.clear(field);
    } else if (shape.form === "map") pruneMap(message.get(field) as ReflectMap, { at, deep: shape.deep }, gone);
    else pruneItems(message.get(field) as ReflectList, { at, key: shape.key }, gone);
  }
}

/** Whether the message is empty now and was not before. */
function pruneInside(message: ReflectMessage, path: string, gone: ReadonlySet<string>): boolean {
  if (isEmpty(message)) return gone.has(path);
  pruneMessage(message, path, gone);
  return isEmpty(message);
}

function pruneMap(
  map: ReflectMap,
  { at, deep }: { readonly at: string; readonly deep: boolean },
  gone: ReadonlySet<string>,
): void {
  for (const [key, value] of [...map]) {
    const path = keyPath(at, key);
    if (gone.has(path) || (deep && pruneInside(value as ReflectMessage, path, gone))) map.delete(key);
  }
}

function pruneItems(
  list: ReflectList,
  { at, key }: { readonly at: string; readonly key: DescField },
  gone: ReadonlySet<string>,
): void {
  const items = itemsByKey(list, key);
  if (!items) {
    if (gone.has(at)) list.clear();
    return;
  }
  const left = [...items].filter(([name, item]) => !pruneInside(item, itemPath(at, key, name), gone));
  replaceItems(
    list,
    left.map(([, item]) => item),
  );
}
