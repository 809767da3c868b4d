import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { relativeTime } from "../output/relative-time.ts";
import type { Column, Kind } from "./kind.ts";
import { wordOf } from "./kinds.ts";

/** A resource in the contract's JSON. */
export type Resource = JsonObject;

/** Headings of a kind's table: name, the kind's own columns, age; `wide` adds labels and the id. */
export function headingsOf(kind: Kind, options: { readonly wide: boolean }): string[] {
  return ["name", ...kind.columns.map(({ name }) => name), "age", ...(options.wide ? ["labels", "id"] : [])];
}

export type CellOptions = {
  readonly wide: boolean;
  /** Now, where an age is wanted; without it the time of creation, as RFC 3339. */
  readonly now?: number | undefined;
};

/** One row of a kind's table, in the order of the headings. */
export function cellsOf(kind: Kind, resource: Resource, options: CellOptions): string[] {
  const { name, id, createTime, labels, deleteTime } = metadataOf(resource);
  return [
    deleteTime && options.now !== undefined ? `${name} (deleted)` : name,
    ...kind.columns.map((column) => cellText(column, resource)),
    formatTime(createTime, options.now),
    ...(options.wide ? [labelsText(labels), id] : []),
  ];
}

/** `agent/my-agent`. */
export function nameOf(kind: Pick<Kind, "kind">, resource: object): string {
  return `${wordOf(kind)}/${metadataOf(resource).name}`;
}

export type Metadata = {
  readonly name: string;
  readonly id: string;
  readonly resourceVersion: string;
  readonly createTime: string;
  readonly deleteTime: string;
  readonly labels: Readonly<Record<string, string>>;
};

/** What every resource carries, empty where it is absent; of a message or of its JSON. */
export function metadataOf(resource: object): Metadata {
  const { metadata } = resource as { readonly metadata?: Partial<Metadata> };
  const { name = "", id = "", resourceVersion = "", createTime, deleteTime, labels = {} } = metadata ?? {};
  return { name, id, resourceVersion, createTime: textOf(createTime), deleteTime: textOf(deleteTime), labels };
}

/** A time as an age, or as RFC 3339 where `now` is not given; empty where there is none. */
function formatTime(time: string, now?: number): string {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return "";
  return now === undefined ? new Date(at).toISOString() : relativeTime(at, now);
}

function cellText({ path, prefix, isTime }: Column, resource: Resource): string {
  let value: JsonValue | undefined = resource;
  for (const name of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "";
    value = value[name];
  }
  const text = textOf(value);
  if (isTime) return formatTime(text);
  if (!prefix) return text;
  return text.endsWith("_UNSPECIFIED") ? "" : text.slice(text.startsWith(prefix) ? prefix.length : 0);
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function labelsText(labels: Metadata["labels"]): string {
  return Object.entries(labels)
    .map(([key, value]) => (value ? `${key}=${value}` : key))
    .join(",");
}
