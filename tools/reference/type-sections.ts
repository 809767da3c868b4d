import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import {
  message as messageOption,
  oneof as oneofOption,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { Contract } from "../contract.ts";
import { prose, table } from "./markdown-text.ts";
import { type DescType, headingOf, type Page, type Places } from "./places.ts";
import { ruleWords } from "./rule-words.ts";

export type Context = { readonly contract: Contract; readonly places: Places };

/** One section for each type of a page. */
export function typeSections(types: readonly DescType[], page: Page, context: Context): string {
  return types.map((type) => typeSection(type, page, context)).join("\n\n");
}

function typeSection(type: DescType, page: Page, context: Context): string {
  const body = type.kind === "enum" ? valuesTable(type, context) : fieldsTable(type, page, context);
  return [`### ${headingOf(type, page)}`, commentOf(type.typeName, context), body].join("\n\n");
}

/** The fields of a message, with what they take, and the rules that span them. */
export function fieldsTable(message: DescMessage, page: Page, context: Context): string {
  if (message.fields.length === 0) return "It has no fields.";
  const rows = message.fields.map((field) => [
    `\`${field.jsonName}\``,
    typeWords(field, page, context),
    prose(commentOf(`${message.typeName}.${field.name}`, context)),
    [...marksOf(field, context), ...ruleWords(field).map(prose), ...oneofWords(field.oneof)].join("; "),
  ]);
  const spanning = messageRules(message).map((rule) => `- ${prose(rule)}`);
  return [table(["field", "type", "what it says", "rules"], rows), spanning.join("\n")]
    .filter((part) => part !== "")
    .join("\n\n");
}

function valuesTable(type: DescEnum, context: Context): string {
  const rows = type.values.map(({ name }) => [`\`${name}\``, prose(commentOf(`${type.typeName}.${name}`, context))]);
  return table(["value", "what it means"], rows);
}

/** The comment of a part of the contract. Fails where it has none: the linter asks for one on everything exported. */
export function commentOf(name: string, { contract }: Context): string {
  const comment = contract.comments.get(name);
  if (comment === undefined) throw new Error(`${name} has no comment in the contract`);
  return comment;
}

const WELL_KNOWN: Readonly<Record<string, string>> = {
  "google.protobuf.Timestamp": "time",
  "google.protobuf.Duration": "duration",
  "google.protobuf.Any": "any message",
  "google.protobuf.Value": "any JSON",
  "google.protobuf.Struct": "JSON object",
};

function typeWords(field: DescField, page: Page, context: Context): string {
  const single = (type: DescMessage | DescEnum): string => {
    const found = context.places.link(type.typeName, page) ?? WELL_KNOWN[type.typeName];
    if (found === undefined) throw new Error(`${field.toString()}: no page describes ${type.typeName}`);
    return found;
  };
  switch (field.fieldKind) {
    case "scalar":
      return scalarWords(field.scalar);
    case "enum":
      return single(field.enum);
    case "message":
      return single(field.message);
    case "list":
      return `list of ${field.listKind === "scalar" ? scalarWords(field.scalar) : single(field.message ?? field.enum)}`;
    case "map": {
      const value = field.mapKind === "scalar" ? scalarWords(field.scalar) : single(field.message ?? field.enum);
      return `map of ${scalarWords(field.mapKey)} to ${value}`;
    }
  }
}

function scalarWords(scalar: ScalarType): string {
  switch (scalar) {
    case ScalarType.STRING:
      return "string";
    case ScalarType.BOOL:
      return "boolean";
    case ScalarType.BYTES:
      return "bytes";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "number";
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "integer (64 bits)";
    default:
      return "integer";
  }
}

function marksOf(field: DescField, { contract }: Context): readonly string[] {
  const { outputOnly, immutable, sensitive, listKey, referenceTo, keeps } = contract.fieldOptions(field);
  return [
    ...(outputOnly ? ["output only"] : []),
    ...(immutable ? ["cannot be changed"] : []),
    ...(sensitive ? ["sensitive: sealed at rest, never returned"] : []),
    ...(listKey ? [`apply merges items by \`${listKey}\``] : []),
    ...(referenceTo ? [`refers to a resource of kind \`${referenceTo}\``] : []),
    ...(keeps ? ["what it names can't be deleted meanwhile"] : []),
  ];
}

function oneofWords(oneof: DescOneof | undefined): readonly string[] {
  if (oneof === undefined || oneof.fields.length < 2) return [];
  const required = hasOption(oneof, oneofOption) && getOption(oneof, oneofOption).required;
  return [`${required ? "exactly" : "at most"} one of the ${oneof.fields.length} of \`${oneof.name}\``];
}

function messageRules(message: DescMessage): readonly string[] {
  if (!hasOption(message, messageOption)) return [];
  const { cel, oneof, celExpression } = getOption(message, messageOption);
  if (oneof.length > 0 || celExpression.length > 0) throw new Error(`${message.typeName}: no words for its rules`);
  return cel.map((rule) => rule.message);
}
