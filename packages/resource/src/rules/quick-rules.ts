import { type DescField, type DescMessage, getOption, isFieldSet, type Message } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";
import {
  type FieldRules,
  field as fieldOption,
  Ignore,
  message as messageOption,
  oneof as oneofOption,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { fieldValue } from "../field-value.ts";
import { celChecks } from "./cel-rules.ts";
import { type Check, UnknownRule, valueChecks } from "./value-rules.ts";

/**
 * Makes quick checks of message types' rules: true only where protovalidate would find nothing. Undefined for a type with
 * a rule that is not known here, its own or one of a message inside it. What types share is planned once.
 */
export function quickRules(): (schema: DescMessage) => ((message: Message) => boolean) | undefined {
  let known: Plans = new Map();
  return (schema) => {
    const plans = new Map(known);
    try {
      const { checks } = planOf(schema, plans);
      known = plans; // only now: what was planned before an unknown rule may be half a plan
      return (message) => keepsAll(checks, message);
    } catch (error) {
      if (error instanceof UnknownRule) return undefined;
      throw error;
    }
  };
}

/** What is checked of every message of a type; without checks there is nothing to look at. */
type Plan = { readonly checks: Check[]; isDone: boolean };
type Plans = Map<DescMessage, Plan>;

function planOf(schema: DescMessage, plans: Plans): Plan {
  const known = plans.get(schema);
  if (known) return known;
  const plan: Plan = { checks: [], isDone: false };
  plans.set(schema, plan); // before its fields: a type may hold itself
  const rules = getOption(schema, messageOption);
  if (rules.oneof.length > 0 || rules.celExpression.length > 0 || rules.$unknown)
    throw new UnknownRule(schema.typeName);
  plan.checks.push(...celChecks(rules.cel, schema));
  for (const { localName } of schema.oneofs.filter((oneof) => getOption(oneof, oneofOption).required))
    plan.checks.push((message: Record<string, { readonly case?: string }>) => message[localName]?.case !== undefined);
  for (const field of schema.fields) plan.checks.push(...fieldChecks(field, plans));
  plan.isDone = true;
  return plan;
}

/** At most one check, of the message that has the field. */
function fieldChecks(field: DescField, plans: Plans): readonly Check[] {
  const rules = getOption(field, fieldOption);
  if (rules.celExpression.length > 0 || rules.$unknown || field.presence === Presence.LEGACY_REQUIRED)
    throw new UnknownRule(String(field));
  const isRequired = rules.required && rules.ignore !== Ignore.ALWAYS;
  const inside =
    rules.ignore === Ignore.ALWAYS ? [] : [...celChecks(rules.cel, field), ...contentChecks(field, rules, plans)];
  if (!isRequired && inside.length === 0) return [];
  const isSkipped = !isAlwaysChecked(field, rules);
  return [
    (message: Message) => {
      if (isRequired && !isFieldSet(message, field)) return false;
      return (isSkipped && !isFieldSet(message, field)) || keepsAll(inside, fieldValue(message, field));
    },
  ];
}

/** Whether a field is checked where it is not set, too. */
function isAlwaysChecked(field: DescField, { ignore }: FieldRules): boolean {
  if (ignore === Ignore.IF_ZERO_VALUE || field.fieldKind === "message") return false;
  return field.fieldKind === "list" || field.fieldKind === "map" || field.presence === Presence.IMPLICIT;
}

function contentChecks(field: DescField, rules: FieldRules, plans: Plans): readonly Check[] {
  const own = valueRules(field, rules);
  switch (field.fieldKind) {
    case "message":
      return [...own, ...messageChecks(field.message, plans)];
    case "list": {
      const items = rules.type.case === "repeated" ? itemRules(field, rules.type.value.items) : [];
      const checks = field.listKind === "message" ? [...items, ...messageChecks(field.message, plans)] : items;
      return checks.length === 0
        ? own
        : [...own, (list: readonly unknown[]) => list.every((item) => keepsAll(checks, item))];
    }
    case "map": {
      const { keys = undefined, values = undefined } = rules.type.case === "map" ? rules.type.value : {};
      const ofKeys = itemRules(field, keys);
      const ofValues = [
        ...itemRules(field, values),
        ...(field.mapKind === "message" ? messageChecks(field.message, plans) : []),
      ];
      if (ofKeys.length + ofValues.length === 0) return own;
      if (ofKeys.length > 0 && keys?.type.case !== "string") throw new UnknownRule(String(field));
      const keeps = ([key, value]: [string, unknown]): boolean => keepsAll(ofKeys, key) && keepsAll(ofValues, value);
      return [...own, (map: Record<string, unknown>) => Object.entries(map).every(keeps)];
    }
    default:
      return own;
  }
}

/** Rules of a list's items, or a map's keys or values. */
function itemRules(field: DescField, rules: FieldRules | undefined): readonly Check[] {
  if (!rules) return [];
  if (
    rules.ignore !== Ignore.UNSPECIFIED ||
    rules.required ||
    rules.cel.length + rules.celExpression.length > 0 ||
    rules.$unknown
  )
    throw new UnknownRule(String(field));
  return valueRules(field, rules);
}

function valueRules(field: DescField, { type }: FieldRules): readonly Check[] {
  if (type.case === undefined) return [];
  if (field.fieldKind === "scalar" && field.longAsString) throw new UnknownRule(String(field));
  const enumNumbers = new Set(field.enum?.values.map(({ number }) => number));
  return valueChecks(type.value, { enumNumbers });
}

function messageChecks(schema: DescMessage, plans: Plans): readonly Check[] {
  // They have no rules, and some stand in a message as what they mean, a Struct as JSON.
  if (schema.typeName.startsWith("google.protobuf.")) return [];
  const plan = planOf(schema, plans);
  if (plan.isDone && plan.checks.length === 0) return [];
  return [(message: Message) => keepsAll(plan.checks, message)];
}

function keepsAll(checks: readonly Check[], value: unknown): boolean {
  for (const check of checks) if (!check(value as never)) return false;
  return true;
}
