import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isMap, isScalar, isSeq, type Node, Scalar, type YAMLMap } from "yaml";
import { nearest } from "../output/nearest.ts";
import { checkLeaf, describeNode, isLeaf, jsonOf } from "./decode-leaf.ts";
import type { ParsedDocument } from "./documents.ts";
import { below, type Place, type Problem } from "./place.ts";

export type Decoded = {
  /** The message in Protobuf's JSON, with JSON names; to be trusted only where there are no problems. */
  readonly json: JsonObject;
  readonly places: ReadonlyMap<string, Place>;
  readonly problems: readonly Problem[];
};

type Context = {
  readonly document: ParsedDocument;
  readonly places: Map<string, Place>;
  readonly problems: Problem[];
  /** Nodes that may still be visited: aliases could otherwise make a small text endless. */
  budget: number;
};

const MAX_NODES = 200_000;
const MAX_DEPTH = 64;

/** Reads a map as a message: both spellings of names are known, and everything that does not fit is a problem. */
export function decodeMessage(document: ParsedDocument, schema: DescMessage, contents: YAMLMap): Decoded {
  const context: Context = { document, places: new Map(), problems: [], budget: MAX_NODES };
  context.places.set("", document.placeOf(contents));
  const json = readMessage(context, schema, { node: contents, path: "", depth: 0 });
  return { json, places: context.places, problems: context.problems };
}

type At = { readonly node: Node; readonly path: string; readonly depth: number };

function readMessage(context: Context, schema: DescMessage, at: At): JsonObject {
  const json: JsonObject = {};
  const written = new Map<DescField | DescMessage["oneofs"][number], string>();
  for (const { key, value } of entriesOf(context, at, "a map of fields")) {
    const name = nameOf(context, key, at.path);
    if (name === undefined) continue;
    const field = schema.fields.find((known) => known.jsonName === name || known.name === name);
    if (!field) {
      report(context, key, below(at.path, name), unknownField(schema, name));
      continue;
    }
    const path = below(at.path, field.jsonName);
    context.places.set(path, context.document.placeOf(key));
    const before = written.get(field) ?? (field.oneof && written.get(field.oneof));
    if (before !== undefined) report(context, key, below(at.path, name), `can't stand beside ${before}`);
    written.set(field, name);
    if (field.oneof) written.set(field.oneof, name);
    const read = readField(context, field, { node: value, path, depth: at.depth + 1 });
    if (read !== undefined) json[field.jsonName] = read;
  }
  return json;
}

function readField(context: Context, field: DescField, at: At): JsonValue | undefined {
  if (!spend(context, at)) return undefined;
  const node = context.document.resolve(at.node);
  if (isScalar(node) && node.value === null) return undefined;
  if (field.fieldKind === "list") return readList(context, field, { ...at, node });
  if (field.fieldKind === "map") return readMap(context, field, { ...at, node });
  return readValue(
    context,
    { field, message: field.fieldKind === "message" ? field.message : undefined },
    { ...at, node },
  );
}

type Value = {
  readonly field: DescField;
  /** The message that the value is; undefined for a scalar or an enum. */
  readonly message: DescMessage | undefined;
};

/** One value: of a field itself, of an item of a list, or of an entry of a map. */
function readValue(context: Context, value: Value, at: At): JsonValue | undefined {
  if (value.message && !isLeaf(value.message)) return readMessage(context, value.message, at);
  const json = jsonOf(context.document, at.node);
  const wrong = checkLeaf(value.field, json, at.node);
  if (wrong) report(context, at.node, at.path, wrong);
  return json;
}

function readList(context: Context, field: DescField & { fieldKind: "list" }, at: At): JsonValue[] {
  if (!isSeq(at.node)) {
    report(context, at.node, at.path, `must be a list, not ${describeNode(at.node)}`);
    return [];
  }
  const message = field.listKind === "message" ? field.message : undefined;
  return at.node.items.flatMap((item, index) => {
    const inside = { node: item as Node, path: `${at.path}[${index}]`, depth: at.depth + 1 };
    if (!spend(context, inside)) return [];
    const node = context.document.resolve(inside.node);
    context.places.set(inside.path, context.document.placeOf(inside.node));
    const read = readValue(context, { field, message }, { ...inside, node });
    return read === undefined ? [] : [read];
  });
}

function readMap(context: Context, field: DescField & { fieldKind: "map" }, at: At): JsonObject {
  const json: JsonObject = {};
  const message = field.mapKind === "message" ? field.message : undefined;
  for (const { key, value } of entriesOf(context, at, "a map")) {
    const name = nameOf(context, key, at.path);
    if (name === undefined) continue;
    const inside = { node: value, path: `${at.path}[${JSON.stringify(name)}]`, depth: at.depth + 1 };
    if (!spend(context, inside)) continue;
    context.places.set(inside.path, context.document.placeOf(key));
    const read = readValue(context, { field, message }, { ...inside, node: context.document.resolve(value) });
    // A key such as `__proto__` is data here, so the entry is defined and not assigned.
    if (read !== undefined) Object.defineProperty(json, name, { value: read, enumerable: true, configurable: true });
  }
  return json;
}

function entriesOf(context: Context, at: At, expected: string): { readonly key: Node; readonly value: Node }[] {
  if (isMap(at.node)) {
    const items = at.node.items as { key: Node; value: Node | null }[];
    return items.map(({ key, value }) => ({ key, value: value ?? new Scalar(null) }));
  }
  report(context, at.node, at.path, `must be ${expected}, not ${describeNode(at.node)}`);
  return [];
}

/** The text of a key; anything else is a problem. */
function nameOf(context: Context, key: Node, path: string): string | undefined {
  const node = context.document.resolve(key);
  if (isScalar(node) && ["string", "number", "bigint", "boolean"].includes(typeof node.value)) {
    return node.source ?? String(node.value);
  }
  report(context, key, path, "a name must be text");
  return undefined;
}

function unknownField(schema: DescMessage, name: string): string {
  const known = schema.fields.map(({ jsonName }) => jsonName);
  const near = nearest(name.replaceAll("_", ""), known);
  if (near) return `unknown field; did you mean ${near}?`;
  return `unknown field; ${known.length > 0 ? `known fields: ${known.join(", ")}` : "there are none here"}`;
}

function spend(context: Context, { node, path, depth }: At): boolean {
  context.budget -= 1;
  if (context.budget > 0 && depth <= MAX_DEPTH) return true;
  if (context.budget === 0) report(context, node, path, `more than ${MAX_NODES} values`);
  else if (depth > MAX_DEPTH) report(context, node, path, "is nested too deeply");
  return false;
}

function report(context: Context, node: Node, path: string, message: string): void {
  context.problems.push({ place: context.document.placeOf(node), path, message });
}
