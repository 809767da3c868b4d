import { wrong } from "./conversation.ts";
import { isObject, type JsonObject, parseJson } from "./json-value.ts";

/** The schema that the answer's text must fit, or none where any text does. */
export function outputSchema(text: string): JsonObject | undefined {
  if (text === "") return undefined;
  const schema = parseJson(text);
  if (isObject(schema)) return schema;
  throw wrong({ field: "output_schema", description: "is not a JSON schema object" });
}

/** What a model is told that cannot be held to a schema. */
export function inWords(schema: JsonObject): string {
  return `Your final answer must be JSON alone, without any other text around it, that fits this JSON schema:\n${JSON.stringify(schema)}`;
}

const MAX_DEPTH = 64;

/**
 * Whether vendors can hold a model to the schema: each object in it says `additionalProperties: false`, and where
 * `required` is "all", requires all its properties.
 */
export function isClosed(value: unknown, required: "all" | "any", depth = 0): boolean {
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((inner) => isClosed(inner, required, depth + 1));
  if (!isObject(value)) return true;
  if (isObject(value.properties) || value.type === "object") {
    const names = Object.keys(isObject(value.properties) ? value.properties : {});
    const needed = Array.isArray(value.required) ? value.required : [];
    if (value.additionalProperties !== false) return false;
    if (required === "all" && !names.every((name) => needed.includes(name))) return false;
  }
  return Object.values(value).every((inner) => isClosed(inner, required, depth + 1));
}
