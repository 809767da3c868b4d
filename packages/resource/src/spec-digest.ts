import { type DescField, type DescMessage, toJson } from "@bufbuild/protobuf";
import { canonicalJson, type Json, textDigest } from "./digest.ts";
import { holdsSensitive, isSensitive } from "./fields/shape.ts";
import type { Kind, Resource } from "./kind.ts";
import type { Keys } from "./port.ts";
import { parseSealed } from "./sealed-text.ts";

type JsonObject = { [name: string]: Json };

/**
 * The revision that a resource's spec is: `sha256:<hex>` over its canonical JSON (RFC 8785), in which a sensitive value
 * is replaced by its keyed MAC. Empty where there is no spec.
 */
export function specDigest(keys: Keys, kind: Kind, resource: Resource): string {
  const schema = kind.specField.message;
  if (!schema || !resource.spec) return "";
  const json = toJson(schema, resource.spec) as Json;
  if (holdsSensitive(schema)) {
    mask(schema, json as JsonObject, (value) => {
      const sealed = typeof value === "string" ? parseSealed(value) : undefined;
      if (sealed) return `hmac-sha256:${sealed.mac}`;
      const mac = keys.mac("sensitive-digest", canonicalJson(value));
      return `hmac-sha256:${Buffer.from(mac).toString("hex")}`;
    });
  }
  return textDigest(canonicalJson(json));
}

function mask(schema: DescMessage, json: JsonObject, replace: (value: Json) => Json): void {
  for (const field of schema.fields) {
    const value = json[field.jsonName];
    if (value === undefined) continue;
    if (isSensitive(field)) json[field.jsonName] = replace(value);
    else if (field.message && holdsSensitive(field.message)) maskInside(field, value, replace);
  }
}

function maskInside(field: DescField, value: Json, replace: (value: Json) => Json): void {
  const { message } = field;
  if (!message || typeof value !== "object" || value === null) return;
  const messages = field.fieldKind === "message" ? [value] : Object.values(value);
  for (const inside of messages) mask(message, inside as JsonObject, replace);
}
