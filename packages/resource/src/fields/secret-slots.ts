import type { DescField } from "@bufbuild/protobuf";
import { type ReflectMap, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { Kind, Resource } from "../kind.ts";
import { childPath, holdsSensitive, isSensitive, itemPath, keyPath, listKeyOf } from "./shape.ts";

/** A sensitive field of a message that is there, whether it is set or not. */
export type SecretSlot = {
  /** The same for the same item of a keyed list, wherever in the list it stands. */
  readonly path: string;
  /** Empty where it is not set. */
  get(): string;
  set(text: string): void;
};

/** Every place of a resource where a sensitive text can stand; none where the kind has no sensitive field. */
export function secretSlots(kind: Kind, resource: Resource): readonly SecretSlot[] {
  if (!kind.holdsSecrets) return [];
  const slots: SecretSlot[] = [];
  collect(reflect(kind.schema, resource), "", slots);
  return slots;
}

/** Texts of sensitive fields by their paths, but for those that are not set. */
export function secretTexts(kind: Kind, resource: Resource): ReadonlyMap<string, string> {
  return new Map(secretSlots(kind, resource).flatMap(({ path, get }) => (get() ? [[path, get()] as const] : [])));
}

function collect(message: ReflectMessage, at: string, slots: SecretSlot[]): void {
  for (const field of message.fields) {
    const path = childPath(at, field);
    if (isSensitive(field)) {
      const set = (text: string): void => message.set(field, text);
      slots.push({ path, get: () => String(message.get(field)), set });
    } else if (field.message && holdsSensitive(field.message) && message.isSet(field)) {
      for (const [inside, place] of messagesOf(message, field, path)) collect(inside, place, slots);
    }
  }
}

function messagesOf(message: ReflectMessage, field: DescField, path: string): [ReflectMessage, string][] {
  const value = message.get(field);
  if (field.fieldKind === "message") return [[value as ReflectMessage, path]];
  if (field.fieldKind === "map") {
    return [...(value as ReflectMap)].map(([key, item]) => [item as ReflectMessage, keyPath(path, key)]);
  }
  const key = listKeyOf(field);
  return [...(value as Iterable<ReflectMessage>)].map((item, index) => {
    const name = key ? String(item.get(key as never)) : "";
    return [item, key && name ? itemPath(path, key, name) : `${path}[${index}]`];
  });
}
