import type { JsonObject } from "@bufbuild/protobuf";

const LEAVES: Readonly<Record<string, JsonObject>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$" },
  "google.protobuf.FieldMask": { type: "string" },
  "google.protobuf.Struct": { type: "object" },
  "google.protobuf.ListValue": { type: "array" },
  "google.protobuf.Any": { type: "object" },
  "google.protobuf.Value": {},
};

/** The schema of a message that has a form of its own in JSON; undefined where it is a map of its fields. */
export function leafSchema(typeName: string): JsonObject | undefined {
  return LEAVES[typeName];
}
