import {
  type DescExtension,
  type DescField,
  type DescFile,
  type DescMessage,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import { field as fieldOption } from "@stigmer/contracts/commons";
import { registry } from "../kinds/registry.ts";

/** A rule that no standard keyword says. */
export type CelRule = { readonly message: string };

/** What a field's descriptor demands of its value. */
export type FieldRules = {
  readonly required: boolean;
  /** Whether an empty value is let through unchecked. */
  readonly skipsEmpty: boolean;
  readonly outputOnly: boolean;
  readonly immutable: boolean;
  readonly sensitive: boolean;
  /** The kind that the value names; empty where it names none. */
  readonly referenceTo: string;
  readonly listKey: string;
  readonly cel: readonly CelRule[];
  /** The rules of the field's type, in JSON: `{ maxLen: "63" }`. */
  readonly standard: Readonly<Record<string, JsonValue>>;
};

export function rulesOf(field: DescField): FieldRules {
  const own = hasOption(field, fieldOption) ? getOption(field, fieldOption) : undefined;
  const json = validationOf(field);
  const { required = false, ignore, cel = [], ...types } = json;
  const [standard = {}] = Object.values(types).filter((value) => typeof value === "object" && !Array.isArray(value));
  return {
    required: required === true,
    skipsEmpty: ignore === "IGNORE_IF_ZERO_VALUE",
    outputOnly: own?.outputOnly ?? false,
    immutable: own?.immutable ?? false,
    sensitive: own?.sensitive ?? false,
    referenceTo: own?.referenceTo ?? "",
    listKey: own?.listKey ?? "",
    cel: cel as unknown as readonly CelRule[],
    standard: standard as Record<string, JsonValue>,
  };
}

/** The rules that hold between the fields of a message. */
export function messageRules(message: DescMessage): readonly CelRule[] {
  const option = validation(message.file)?.message;
  if (!option || !hasOption(message, option)) return [];
  const { cel = [] } = jsonOf(option, getOption(message, option));
  return cel as unknown as readonly CelRule[];
}

function validationOf(field: DescField): JsonObject {
  const option = validation(field.parent.file)?.field;
  return option && hasOption(field, option) ? jsonOf(option, getOption(field, option)) : {};
}

function jsonOf(option: DescExtension, value: unknown): JsonObject {
  return option.message ? (toJson(option.message, value as never, { registry }) as JsonObject) : {};
}

/** Options of `buf.validate`, as the file that uses them imports them. */
function validation(file: DescFile): { readonly field?: DescExtension; readonly message?: DescExtension } | undefined {
  const imported = file.dependencies.find(({ name }) => name === "buf/validate/validate");
  if (!imported) return undefined;
  const named = new Map(imported.extensions.map((extension) => [extension.name, extension]));
  const [field, message] = [named.get("field"), named.get("message")];
  return { ...(field && { field }), ...(message && { message }) };
}
