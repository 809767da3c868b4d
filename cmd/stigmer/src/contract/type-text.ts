import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

const SCALARS: Partial<Record<ScalarType, string>> = {
  [ScalarType.STRING]: "string",
  [ScalarType.BYTES]: "base64",
  [ScalarType.BOOL]: "boolean",
  [ScalarType.DOUBLE]: "number",
  [ScalarType.FLOAT]: "number",
};

const LEAVES: Readonly<Record<string, string>> = {
  "google.protobuf.Timestamp": "time",
  "google.protobuf.Duration": "duration",
  "google.protobuf.Struct": "object",
  "google.protobuf.ListValue": "[]value",
  "google.protobuf.Value": "value",
  "google.protobuf.Any": "any",
};

/** The type of a field for people: `string`, `[]McpServerUsage`, `map[string]string`. */
export function typeText(field: DescField): string {
  if (field.fieldKind === "list") return `[]${valueText(field)}`;
  if (field.fieldKind === "map") return `map[${scalarText(field.mapKey)}]${valueText(field)}`;
  return valueText(field);
}

/** The message whose fields stand below a field; undefined where it is one value. */
export function messageBelow({ message }: Pick<DescField, "message">): DescMessage | undefined {
  return message && !LEAVES[message.typeName] ? message : undefined;
}

function valueText(field: DescField): string {
  if (field.message) return LEAVES[field.message.typeName] ?? field.message.name;
  if (field.enum) return field.enum.name;
  return scalarText(field.scalar);
}

function scalarText(scalar: ScalarType | undefined): string {
  return scalar === undefined ? "" : (SCALARS[scalar] ?? "integer");
}
