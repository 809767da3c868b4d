import { Trouble } from "./trouble.ts";

export type JsonObject = { readonly [key: string]: unknown };

/** The value that `text` stands for, or nothing where it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object, or an empty one. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The objects of a list; none where it is no list. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The text, or an empty one. */
export function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A count of tokens, or none where it makes no sense. */
export function tokens(value: unknown): bigint {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? BigInt(value) : 0n;
}

/** The place in a list, where it is one. */
export function placeIn(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** Arguments as JSON: some servers send an object instead of JSON in a string. */
export function argumentsOf(value: unknown): string {
  if (!isObject(value)) return stringOf(value);
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new Trouble("it sent arguments that are nested too deep", { cause });
  }
}
