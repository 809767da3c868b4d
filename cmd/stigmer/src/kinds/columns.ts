import type { Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import type { ApiResourceMetadata } from "@stigmer/contracts/commons";
import { relativeTime } from "../output/relative-time.ts";
import { type Kind, wordOf } from "./kinds.ts";

/** Headings of a kind's table: name, the kind's own columns, age; `wide` adds the id. */
export function headingsOf(kind: Kind, options: { readonly wide: boolean }): string[] {
  return ["name", ...kind.options.columns.map(({ name }) => name), "age", ...(options.wide ? ["id"] : [])];
}

export type CellOptions = {
  readonly wide: boolean;
  /** Now, where an age is wanted; without it the time of creation, as RFC 3339. */
  readonly now?: number | undefined;
};

/** One row of a kind's table, in the order of the headings. */
export function cellsOf(kind: Kind, resource: Message, options: CellOptions): string[] {
  const message = reflect(kind.schema, resource);
  const { name, id, createTime } = metadataOf(resource);
  return [
    name,
    ...kind.options.columns.map(({ path }) => textAt(message, path.split("."))),
    formatTime(createTime, options.now),
    ...(options.wide ? [id] : []),
  ];
}

/** `agent/my-agent`. */
export function nameOf(kind: Kind, resource: Message): string {
  return `${wordOf(kind)}/${metadataOf(resource).name}`;
}

/** What every resource carries; a resource without is one that no backend would send. */
export function metadataOf(
  resource: Message,
): Pick<ApiResourceMetadata, "name" | "id" | "resourceVersion" | "createTime"> {
  const { metadata } = resource as Message & { readonly metadata?: ApiResourceMetadata };
  return metadata ?? { name: "", id: "", resourceVersion: "" };
}

/** A time as an age, or as RFC 3339 where `now` is not given; empty where there is none. */
function formatTime(time: Timestamp | undefined, now?: number): string {
  if (!time) return "";
  const date = timestampDate(time);
  return now === undefined ? date.toISOString() : relativeTime(date.getTime(), now);
}

/** The value at a path of names, as JSON or Protobuf spells them, as text; empty where nothing is set. */
function textAt(message: ReflectMessage, path: readonly string[]): string {
  const [name = "", ...rest] = path;
  const field = message.fields.find((known) => known.jsonName === name || known.name === name);
  if (!field || !message.isSet(field)) return "";
  if (field.fieldKind === "message") {
    const inside = message.get(field);
    if (inside.desc.typeName === "google.protobuf.Timestamp") return formatTime(inside.message as Timestamp);
    return textAt(inside, rest);
  }
  if (field.fieldKind === "enum") return enumText(field.enum, message.get(field));
  return field.fieldKind === "scalar" ? String(message.get(field)) : "";
}

type EnumShape = {
  readonly sharedPrefix?: string | undefined;
  readonly value: Readonly<Record<number, { readonly name: string }>>;
};

/** The value's name without what all names of the enum begin with; the zero says nothing. */
export function enumText(desc: EnumShape, number: number): string {
  if (number === 0) return "";
  const name = desc.value[number]?.name ?? String(number);
  return name.slice(desc.sharedPrefix?.length ?? 0);
}
