import {
  clearField,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  isMessage,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import type { Path } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { Fault, invalid, type Violation } from "@stigmer/base";
import { type FieldOptions, field as fieldOption } from "@stigmer/contracts/commons";
import { type FieldWalk, fieldWalk } from "./field-plans.ts";
import { fieldValue } from "./field-value.ts";
import { quickRules } from "./rules/quick-rules.ts";

/** Checks messages against the rules in their descriptors. */
export interface MessageRules {
  /** Makes ready what checks messages of a type, as the first check of one would. */
  plan(schema: DescMessage): void;
  /** Throws `INVALID_REQUEST` with one violation per field, paths as a manifest writes them. */
  check(schema: DescMessage, message: Message): void;
}

/** Rules, each type's planned when it is first asked for. What breaks none is found quickly; what breaks one is told in protovalidate's words. */
export function createRules(): MessageRules {
  const validator = createValidator();
  const quickOf = quickRules();
  const plans = new Map<DescMessage, ReturnType<typeof quickOf>>();
  const planOf = (schema: DescMessage): ReturnType<typeof quickOf> => {
    if (!plans.has(schema)) plans.set(schema, quickOf(schema));
    return plans.get(schema);
  };
  return {
    plan: (schema) => void planOf(schema),
    check(schema, message) {
      if (planOf(schema)?.(message)) return;
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
  outputOnly(schema)(message, (parent, field) => clearField(parent, field));
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
  return referencesOf(referring(schema), message);
}

/** Those references to names that keep what they name from being deleted. */
export function keepingReferences(schema: DescMessage, message: Message): readonly Reference[] {
  return referencesOf(keeping(schema), message);
}

function referencesOf(walk: FieldWalk, message: Message): readonly Reference[] {
  const found: Reference[] = [];
  walk(message, (parent, field, at) => {
    const value = fieldValue(parent, field);
    const of = { kind: referredKind(field), byId: field.name.endsWith("_id") };
    const items = Array.isArray(value) ? value.map((item, index) => [item, `${at}[${index}]`]) : [[value, at]];
    for (const [item, path] of items) if (typeof item === "string" && item) found.push({ ...of, path, value: item });
  });
  return found;
}

const referred = new WeakMap<DescField, string>();

// The library decodes an option anew each time that it is asked for.
function referredKind(field: DescField): string {
  const known = referred.get(field) ?? getOption(field, fieldOption).referenceTo;
  referred.set(field, known);
  return known;
}

const outputOnly = walks(({ outputOnly }) => outputOnly);
const immutable = walks(({ immutable }) => immutable);
const referring = walks(({ referenceTo }) => referenceTo !== "");
const keeping = walks(({ keeps }) => keeps);

/** Walks over the fields with an option, one for each type, made when it is first needed. */
function walks(isChosen: (options: FieldOptions) => boolean): (schema: DescMessage) => FieldWalk {
  const made = new WeakMap<DescMessage, FieldWalk>();
  const has = (field: DescField): boolean => hasOption(field, fieldOption) && isChosen(getOption(field, fieldOption));
  return (schema) => {
    const walk = made.get(schema) ?? fieldWalk(schema, has);
    made.set(schema, walk);
    return walk;
  };
}

function immutableValues(schema: DescMessage, message: Message): Map<string, string> {
  const values = new Map<string, string>();
  immutable(schema)(message, (parent, field, path) => values.set(path, textOf(field, fieldValue(parent, field))));
  return values;
}

/** A text that two values of a field share only where they are the same. */
function textOf(field: DescField, value: unknown): string {
  if (Array.isArray(value)) return JSON.stringify(value.map((item) => textOf(field, item)));
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value !== "object") return String(value);
  if (isMessage(value)) return Buffer.from(toBinary(field.message as DescMessage, value)).toString("base64");
  return JSON.stringify(Object.entries(value ?? {}).map(([key, item]) => [key, textOf(field, item)]));
}
