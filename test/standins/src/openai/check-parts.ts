import { isObject, type Json, objects } from "../json.ts";
import type { Refusal } from "../vendor.ts";

export function bad(message: string, param: string | null, code?: string): Refusal {
  return { status: 400, message, param, code };
}

const DATA_URL = /^data:[a-z]+\/[a-z0-9.+-]+;base64,[A-Za-z0-9+/]+=*$/;

/** A part of a message's content: of chat completions, or of responses. */
export function badPart(part: unknown, allowed: readonly string[], at: string): Refusal | undefined {
  if (!isObject(part) || !allowed.includes(String(part.type))) {
    return bad(`Invalid value. Supported values are: ${allowed.map((one) => `'${one}'`).join(", ")}.`, `${at}.type`);
  }
  switch (part.type) {
    case "image_url":
      return badUrl((part.image_url as Json | undefined)?.url, at);
    case "input_image":
      return badUrl(part.image_url, at);
    case "file":
      return badFile((part.file as Json | undefined) ?? {}, at);
    case "input_file":
      return badFile(part, at);
    default:
      return typeof part.text === "string" ? undefined : bad(`Missing required parameter: '${at}.text'.`, at);
  }
}

function badUrl(url: unknown, at: string): Refusal | undefined {
  return typeof url === "string" && DATA_URL.test(url) ? undefined : bad("Invalid image URL.", at, "invalid_image_url");
}

function badFile({ filename, file_data }: Json, at: string): Refusal | undefined {
  if (typeof filename !== "string") return bad(`Missing required parameter: '${at}.filename'.`, at);
  return badUrl(file_data, at);
}

/** A tool's function, wherever its vendor puts it. */
export function badTool(type: unknown, named: unknown, at: string): Refusal | undefined {
  if (type !== "function" || !isObject(named)) return bad(`Invalid value for '${at}'.`, at);
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(String(named.name))) {
    return bad(`Invalid '${at}.name': string does not match pattern '^[a-zA-Z0-9_-]+$'.`, `${at}.name`);
  }
  return isObject(named.parameters)
    ? undefined
    : bad(`Invalid schema for function '${named.name}'.`, `${at}.parameters`);
}

/** A schema that answers must fit; one that is strict must be closed. */
export function badSchema({ name, schema, strict }: Json, at: string): Refusal | undefined {
  if (typeof name !== "string" || !isObject(schema)) return bad(`Missing required parameter: '${at}.schema'.`, at);
  if (strict !== true || isClosed(schema)) return undefined;
  return bad(
    `Invalid schema for response_format '${name}': 'additionalProperties' is required to be supplied and to be false.`,
    at,
  );
}

function isClosed(schema: Json): boolean {
  if (schema.type !== "object") return true;
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  const all = Object.keys(properties).every((name) => required.includes(name));
  return schema.additionalProperties === false && all && objects(Object.values(properties)).every(isClosed);
}
