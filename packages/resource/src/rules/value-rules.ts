import { type DescField, type DescMessage, isFieldSet, type Message } from "@bufbuild/protobuf";
import {
  BytesRulesSchema,
  DoubleRulesSchema,
  DurationRulesSchema,
  EnumRulesSchema,
  Int32RulesSchema,
  Int64RulesSchema,
  MapRulesSchema,
  RepeatedRulesSchema,
  StringRulesSchema,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { patternOf } from "./pattern.ts";

/** Whether a value keeps a rule. False may also mean that it is not sure. */
export type Check = (value: never) => boolean;

/** Thrown where a rule is not one that can be checked here. */
export class UnknownRule extends Error {}

/** Checks of what a rules message of protovalidate says about a value, but for the rules of what is inside it. */
export function valueChecks(rules: Message, of: { readonly enumNumbers: ReadonlySet<number> }): readonly Check[] {
  const known = KNOWN[rules.$typeName];
  if (!known || (rules.$unknown?.length ?? 0) > 0) throw new UnknownRule(rules.$typeName);
  return known.schema.fields
    .filter((field) => isFieldSet(rules, field) && !known.inside?.has(field.name))
    .map((field) => {
      const make = known.rules[field.name];
      const check = make?.(ruleValue(rules, field), of);
      if (!check) throw new UnknownRule(`${rules.$typeName}.${field.name}`);
      return check;
    });
}

type Make = (rule: never, of: { readonly enumNumbers: ReadonlySet<number> }) => Check | undefined;
type Known = {
  readonly schema: DescMessage;
  readonly rules: Readonly<Record<string, Make>>;
  /** Rules of what is inside the value. */
  readonly inside?: ReadonlySet<string>;
};

const equal: Make = (rule) => (value) => value === rule;
const among: Make = (rule: readonly unknown[]) => (value) => rule.includes(value);
const notAmong: Make = (rule: readonly unknown[]) => (value) => !rule.includes(value);
const keeps = (): boolean => true;

const NUMBER: Known["rules"] = {
  const: equal,
  in: among,
  not_in: notAmong,
  gt: (rule) => (value) => value > rule,
  gte: (rule) => (value) => value >= rule,
  lt: (rule) => (value) => value < rule,
  lte: (rule) => (value) => value <= rule,
};

const STRING: Known["rules"] = {
  const: equal,
  in: among,
  not_in: notAmong,
  min_len: (rule: bigint) => (value: string) => codePoints(value) >= Number(rule),
  // A string never has more characters than code units, so most need no counting.
  max_len: (rule: bigint) => (value: string) => value.length <= Number(rule) || codePoints(value) <= Number(rule),
  max_bytes: (rule: bigint) => (value: string) =>
    value.length * 3 <= Number(rule) || Buffer.byteLength(value) <= Number(rule),
  pattern: (rule: string) => matches(rule),
};

const KNOWN: Readonly<Record<string, Known>> = {
  [StringRulesSchema.typeName]: { schema: StringRulesSchema, rules: STRING },
  [BytesRulesSchema.typeName]: {
    schema: BytesRulesSchema,
    rules: {
      len: (rule: bigint) => (value: Uint8Array) => value.length === Number(rule),
      max_len: (rule: bigint) => (value: Uint8Array) => value.length <= Number(rule),
    },
  },
  [DoubleRulesSchema.typeName]: { schema: DoubleRulesSchema, rules: NUMBER },
  [Int32RulesSchema.typeName]: { schema: Int32RulesSchema, rules: NUMBER },
  [Int64RulesSchema.typeName]: { schema: Int64RulesSchema, rules: NUMBER },
  [EnumRulesSchema.typeName]: {
    schema: EnumRulesSchema,
    rules: {
      ...{ const: equal, in: among, not_in: notAmong },
      defined_only: (rule: boolean, { enumNumbers }) => (rule ? (value) => enumNumbers.has(value) : keeps),
    },
  },
  [RepeatedRulesSchema.typeName]: {
    schema: RepeatedRulesSchema,
    inside: new Set(["items"]),
    rules: {
      min_items: (rule: bigint) => (list: readonly unknown[]) => list.length >= Number(rule),
      max_items: (rule: bigint) => (list: readonly unknown[]) => list.length <= Number(rule),
      unique: (rule: boolean) => (rule ? isUnique : keeps),
    },
  },
  [MapRulesSchema.typeName]: {
    schema: MapRulesSchema,
    inside: new Set(["keys", "values"]),
    rules: {
      min_pairs: (rule: bigint) => (map: object) => Object.keys(map).length >= Number(rule),
      max_pairs: (rule: bigint) => (map: object) => Object.keys(map).length <= Number(rule),
    },
  },
  [DurationRulesSchema.typeName]: {
    schema: DurationRulesSchema,
    rules: {
      gt: (rule: Span) => (value) => compare(value, rule) > 0,
      gte: (rule: Span) => (value) => compare(value, rule) >= 0,
      lt: (rule: Span) => (value) => compare(value, rule) < 0,
      lte: (rule: Span) => (value) => compare(value, rule) <= 0,
    },
  },
};

/** A check that a text matches a pattern of RE2; undefined where that is not sure. */
export function matches(source: string): Check | undefined {
  const pattern = patternOf(source);
  return pattern && ((value: string) => pattern.test(value));
}

/** Whether no two items are the same. Messages never are: whoever compares those must be sure. */
export function isUnique(list: readonly unknown[]): boolean {
  return list.every((item) => typeof item !== "object") && new Set(list).size === list.length;
}

function codePoints(text: string): number {
  let count = text.length;
  for (let at = 1; at < text.length; at++) {
    if (isBetween(text.charCodeAt(at), 0xdc00, 0xdfff) && isBetween(text.charCodeAt(at - 1), 0xd800, 0xdbff)) count--;
  }
  return count;
}

function isBetween(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}

type Span = { readonly seconds: bigint; readonly nanos: number };

const SECOND = 1_000_000_000;

/** NaN, which keeps no rule, where it is not a span as it should be written. */
function compare(value: Span, rule: Span): number {
  const isProper = value.nanos >= 0 && value.nanos < SECOND && value.seconds >= 0n && value.seconds <= 315_576_000_000n;
  if (!isProper) return Number.NaN;
  return value.seconds === rule.seconds ? value.nanos - rule.nanos : Number(value.seconds - rule.seconds);
}

function ruleValue(rules: Message, { localName, oneof }: DescField): never {
  const values = rules as unknown as Record<string, unknown>;
  if (!oneof) return values[localName] as never;
  return (values[oneof.localName] as { readonly value: unknown }).value as never;
}
