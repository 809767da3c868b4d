import { type DescMessage, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import { type Path, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { Fault, invalid, type Violation } from "@stigmer/base";
import { field as fieldOption } from "@stigmer/contracts/commons";

/** Checks messages against the rules in their descriptors. */
export interface MessageRules {
  /** Throws `INVALID_REQUEST` with one violation per field, paths as a manifest writes them. */
  check(schema: DescMessage, message: Message): void;
}

export function createRules(): MessageRules {
  const validator = createValidator();
  return {
    check(schema, message) {
      const result = validator.validate(schema, message);
      if (result.kind === "error")
        throw new Fault("internal", "INTERNAL", { type: schema.typeName }, { cause: result.error });
      if (result.kind === "invalid") {
        throw invalid(
          result.violations.map((violation) => ({
            field: manifestPath(violation.field),
            description: violation.message,
          })),
        );
      }
    },
  };
}

/** A path in the contract's JSON names: `spec.mcpServers[0].name`. */
function manifestPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (part.kind === "list_sub") text += `[${part.index}]`;
    else if (part.kind === "map_sub") text += `[${JSON.stringify(part.key)}]`;
    else text += `${text ? "." : ""}${part.kind === "field" ? part.jsonName : part.name}`;
  }
  return text;
}

/** Clears every field that only the backend sets. Changes the message in place. */
export function clearOutputOnly(schema: DescMessage, message: Message): void {
  visit(reflect(schema, message), "", (parent, field) => {
    if (hasOption(field, fieldOption) && getOption(field, fieldOption).outputOnly) parent.clear(field);
  });
}

/** Immutable fields whose value differs between two versions of a message. */
export function immutableChanges(schema: DescMessage, previous: Message, next: Message): readonly Violation[] {
  const before = immutableValues(schema, previous);
  const after = immutableValues(schema, next);
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => before.get(path) !== after.get(path))
    .map((field) => ({ field, description: "can't be changed; delete the resource and create it anew" }));
}

/** A string field that refers to another resource: by id where the field is called so, otherwise by name. */
export type Reference = {
  readonly path: string;
  readonly kind: string;
  readonly value: string;
  readonly byId: boolean;
};

/** Every reference in a message that is set. */
export function references(schema: DescMessage, message: Message): readonly Reference[] {
  const found: Reference[] = [];
  visit(reflect(schema, message), "", (parent, field, path) => {
    const kind = hasOption(field, fieldOption) ? getOption(field, fieldOption).referenceTo : "";
    const value = kind && field.fieldKind === "scalar" ? parent.get(field) : undefined;
    if (typeof value === "string" && value) found.push({ path, kind, value, byId: field.name.endsWith("_id") });
  });
  return found;
}

type Field = ReflectMessage["fields"][number];

/** Calls `see` for every field that is set, parents first. */
function visit(
  message: ReflectMessage,
  at: string,
  see: (parent: ReflectMessage, field: Field, path: string) => void,
): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const path = at ? `${at}.${field.jsonName}` : field.jsonName;
    see(message, field, path);
    if (message.isSet(field)) visitInside(message, field, path, see);
  }
}

function visitInside(message: ReflectMessage, field: Field, path: string, see: Parameters<typeof visit>[2]): void {
  if (field.fieldKind === "message") visit(message.get(field), path, see);
  else if (field.fieldKind === "list" && field.listKind === "message") {
    let index = 0;
    for (const item of message.get(field)) visit(item as ReflectMessage, `${path}[${index++}]`, see);
  } else if (field.fieldKind === "map" && field.mapKind === "message") {
    for (const [key, item] of message.get(field)) visit(item as ReflectMessage, `${path}[${JSON.stringify(key)}]`, see);
  }
}

function immutableValues(schema: DescMessage, message: Message): Map<string, string> {
  const values = new Map<string, string>();
  visit(reflect(schema, message), "", (parent, field, path) => {
    if (!hasOption(field, fieldOption) || !getOption(field, fieldOption).immutable) return;
    values.set(path, String(parent.get(field)));
  });
  return values;
}
