import { type Schema, Validator } from "@cfworker/json-schema";
import type { Json } from "@stigmer/resource";

const MAX_PROBLEMS = 5;
const MAX_BYTES = 1024 * 1024;
/** More than any tool means; what walks the value calls itself once for each level. */
const MAX_DEPTH = 100;

/** Arguments that were checked, as canonical as the model wrote them; or what is wrong, in words for the model. */
export type CheckedArguments =
  | { readonly ok: true; readonly value: Record<string, Json> }
  | { readonly ok: false; readonly problem: string };

/** Checks what a model wrote against a tool's JSON schema. Empty arguments count as an empty object. */
export function checkArguments(text: string, schema: string): CheckedArguments {
  if (Buffer.byteLength(text) > MAX_BYTES)
    return { ok: false, problem: `the arguments are larger than ${MAX_BYTES} bytes` };
  const value = parseObject(text.trim() === "" ? "{}" : text);
  if (!value) return { ok: false, problem: "the arguments are not a JSON object" };
  if (isDeeper(value, MAX_DEPTH))
    return { ok: false, problem: `the arguments are nested deeper than ${MAX_DEPTH} levels` };
  try {
    const { valid, errors } = new Validator(parseSchema(schema), "2020-12", false).validate(value);
    if (valid) return { ok: true, value };
    const problems = errors
      .slice(-MAX_PROBLEMS)
      .map(({ instanceLocation, error }) => `${instanceLocation.replace(/^#/, "arguments")}: ${error}`);
    return { ok: false, problem: `the arguments do not fit the tool's schema: ${problems.join("; ")}` };
  } catch {
    return { ok: false, problem: "the tool's schema can't be used to check arguments, so the call is refused" };
  }
}

function parseObject(text: string): Record<string, Json> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, Json>)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A tool's schema without its regular expressions: they come from the tool's server, and a hostile one could keep the
 * backend busy for ever. What they would have refused, the server refuses itself.
 */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inside) => isDeeper(inside, levels - 1));
}

function parseSchema(schema: string): Schema {
  const value: unknown = JSON.parse(schema, withoutPatterns);
  if (typeof value !== "object" || value === null) throw new Error("a schema must be an object");
  return value as Schema;
}

function withoutPatterns(key: string, value: unknown): unknown {
  if (key === "pattern" && typeof value === "string") return undefined;
  if (typeof value !== "object" || value === null || !("patternProperties" in value)) return value;
  const { patternProperties: _, additionalProperties: __, ...rest } = value as Record<string, unknown>;
  return rest;
}

/** What is wrong with arguments by a tool's schema; undefined where they fit. */
export function problemOf(text: string, schema: string): string | undefined {
  const checked = checkArguments(text, schema);
  return checked.ok ? undefined : checked.problem;
}
