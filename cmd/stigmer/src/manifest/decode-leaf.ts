import { type DescField, type DescMessage, fromJson, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { isMap, isScalar, isSeq, type Node } from "yaml";
import { nearest } from "../output/nearest.ts";
import type { ParsedDocument } from "./documents.ts";

const MAX_SHOWN = 40;

/** Whether a message has a form of its own in JSON, such as a duration, and is read as one value. */
export function isLeaf(message: DescMessage): boolean {
  return message.typeName.startsWith("google.protobuf.") && message.typeName !== "google.protobuf.Empty";
}

/** A node as JSON. Whole numbers that JSON can't hold exactly become text, as Protobuf's JSON has them. */
export function jsonOf(document: ParsedDocument, node: Node, depth = 0): JsonValue {
  const at = document.resolve(node);
  if (depth > 32) return null;
  if (isSeq(at)) return at.items.map((item) => jsonOf(document, item as Node, depth + 1));
  if (isMap(at)) {
    const entries = at.items.map(({ key, value }) => [keyOf(key), jsonOf(document, value as Node, depth + 1)]);
    return Object.fromEntries(entries);
  }
  return isScalar(at) ? scalarJson(at.value) : null;
}

/** What is wrong with a value of a field, or of an item or entry of it; undefined where nothing is. */
export function checkLeaf(field: DescField, json: JsonValue, node: Node): string | undefined {
  const scalar = "scalar" in field ? field.scalar : undefined;
  // A large whole number stands as text in JSON, but text is not what the user wrote.
  const isText = !isScalar(node) || typeof node.value === "string";
  const fits = (scalar !== ScalarType.STRING && scalar !== ScalarType.BYTES) || isText;
  if (fits && isAccepted(field, json)) return undefined;
  const hint = scalar === ScalarType.STRING && isScalar(node) ? "; put it in quotes" : "";
  return `must be ${expectedOf(field, json)}, not ${describeNode(node)}${hint}`;
}

/** A value in the words of whoever wrote it. */
export function describeNode(node: Node): string {
  if (isMap(node)) return "a map";
  if (isSeq(node)) return "a list";
  if (!isScalar(node) || node.value === null) return "nothing";
  const shown = node.source ?? String(node.value);
  const text = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown;
  if (typeof node.value === "string") return `the text "${text}"`;
  return typeof node.value === "boolean" ? text : `the number ${text}`;
}

/** Asks Protobuf's own reader, with a message that holds nothing but this value. */
function isAccepted(field: DescField, json: JsonValue): boolean {
  const value = field.fieldKind === "list" ? [json] : field.fieldKind === "map" ? { [sampleKey(field)]: json } : json;
  try {
    fromJson(field.parent as DescMessage, { [field.jsonName]: value });
    return true;
  } catch {
    return false;
  }
}

function sampleKey(field: DescField & { fieldKind: "map" }): string {
  if (field.mapKey === ScalarType.STRING) return "key";
  return field.mapKey === ScalarType.BOOL ? "true" : "1";
}

const EXPECTED: Partial<Record<ScalarType, string>> = {
  [ScalarType.STRING]: "text",
  [ScalarType.BYTES]: "text in base64",
  [ScalarType.BOOL]: "true or false",
  [ScalarType.DOUBLE]: "a number",
  [ScalarType.FLOAT]: "a number",
};

const EXPECTED_MESSAGES: Readonly<Record<string, string>> = {
  "google.protobuf.Duration": 'a span of time such as "30s" or "1.5s"',
  "google.protobuf.Timestamp": 'a time such as "2026-01-31T12:00:00Z"',
  "google.protobuf.Struct": "a map",
  "google.protobuf.ListValue": "a list",
};

function expectedOf(field: DescField, json: JsonValue): string {
  if ("enum" in field && field.enum) {
    const names = field.enum.values.filter(({ number }) => number !== 0).map(({ name }) => name);
    const near = typeof json === "string" ? nearest(json, names) : undefined;
    return `one of ${names.join(", ")}${near ? ` (did you mean ${near}?)` : ""}`;
  }
  if ("message" in field && field.message) return EXPECTED_MESSAGES[field.message.typeName] ?? field.message.name;
  return ("scalar" in field && field.scalar !== undefined && EXPECTED[field.scalar]) || "a whole number in range";
}

function scalarJson(value: unknown): JsonValue {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  return typeof value === "string" || typeof value === "boolean" ? value : null;
}

function keyOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}
