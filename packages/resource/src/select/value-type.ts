import { type DescEnum, type DescField, ScalarType } from "@bufbuild/protobuf";
import type { Operand } from "./filter-parser.ts";

/** How the values of a field stand in an index, so that their texts order like the values, bytewise. */
export type ValueType = {
  /** For signatures: differs wherever the texts do. */
  readonly name: string;
  /** What a filter's operand must be, for people. */
  readonly expects: string;
  /** Whether less and greater mean something. */
  readonly ordered: boolean;
  /** The text of a field's value. */
  textOf(value: unknown): string;
  /** The text of an operand; undefined where it is none of this type. Not used for texts, which have wildcards. */
  read(operand: Operand): string | undefined;
};

/** The type of a field's values; undefined where they have no index: lists, maps, bytes and other messages. */
export function valueTypeOf(field: DescField): ValueType | undefined {
  if (field.fieldKind === "enum") return enumType(field.enum);
  if (field.fieldKind === "scalar") return scalarType(field.scalar);
  return field.fieldKind === "message" ? MESSAGES[field.message.typeName] : undefined;
}

/** Texts are compared as they are. */
export const TEXT: ValueType = {
  name: "text",
  expects: "a text",
  ordered: true,
  textOf: String,
  read: ({ text }) => text.replace(/\\([*\\])/g, "$1"),
};

const BOOLEAN: ValueType = {
  name: "boolean",
  expects: "true or false",
  ordered: false,
  textOf: String,
  read: ({ text, quoted }) => (!quoted && (text === "true" || text === "false") ? text : undefined),
};

const WHOLE: ValueType = {
  name: "whole",
  expects: "a whole number of 64 bits",
  ordered: true,
  textOf: (value) => shifted(BigInt(value as number | bigint), 63, 17),
  read({ text, quoted }) {
    if (quoted || !/^-?\d{1,20}$/.test(text)) return undefined;
    const value = BigInt(text);
    return value >= -(2n ** 63n) && value < 2n ** 64n ? WHOLE.textOf(value) : undefined;
  },
};

const FRACTION: ValueType = {
  name: "fraction",
  expects: "a number",
  ordered: true,
  textOf: (value) => fractionDigits(Number(value)),
  read({ text, quoted }) {
    if (quoted || !/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return undefined;
    return Number.isFinite(Number(text)) ? fractionDigits(Number(text)) : undefined;
  },
};

const TIME: ValueType = {
  name: "time",
  expects: 'a time as RFC 3339 writes it, such as "2026-01-31T12:00:00Z"',
  ordered: true,
  textOf: (value) => nanosText(value as Span),
  read({ text }) {
    const [, day = "", clock = "", fraction = "", zone = ""] = RFC_3339.exec(text) ?? [];
    const ms = Date.parse(`${day}T${clock}${zone.toUpperCase()}`);
    if (Number.isNaN(ms) || !isDay(day)) return undefined;
    return nanosText({ seconds: BigInt(ms / 1000), nanos: Number(fraction.padEnd(9, "0")) });
  },
};

const SPAN: ValueType = {
  name: "span",
  expects: "a duration in seconds, such as 90s or 1.5s",
  ordered: true,
  textOf: (value) => nanosText(value as Span),
  read({ text }) {
    const [found, sign = "", whole = "", fraction = ""] = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text) ?? [];
    if (found === undefined) return undefined;
    const nanos = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
    return shifted(sign === "-" ? -nanos : nanos, 95, 24);
  },
};

type Span = { readonly seconds: bigint; readonly nanos: number };

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;

const MESSAGES: Readonly<Record<string, ValueType>> = {
  "google.protobuf.Timestamp": TIME,
  "google.protobuf.Duration": SPAN,
};

function scalarType(scalar: ScalarType): ValueType | undefined {
  switch (scalar) {
    case ScalarType.STRING:
      return TEXT;
    case ScalarType.BOOL:
      return BOOLEAN;
    case ScalarType.BYTES:
      return undefined;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return FRACTION;
    default:
      return WHOLE;
  }
}

function enumType(of: DescEnum): ValueType {
  const numbers = new Map(
    of.values.flatMap(({ name, localName, number }) => [
      [name, number],
      [localName, number],
    ]),
  );
  return {
    name: "enum",
    expects: `one of ${of.values.map(({ localName }) => localName).join(", ")}`,
    ordered: false,
    textOf: String,
    read: ({ text }) => numbers.get(text)?.toString(),
  };
}

function nanosText({ seconds, nanos }: Span): string {
  return shifted(seconds * 1_000_000_000n + BigInt(nanos), 95, 24);
}

// Hexadecimal digits of a number that is not negative any more order like it.
function shifted(value: bigint, bits: number, digits: number): string {
  return (value + (1n << BigInt(bits))).toString(16).padStart(digits, "0");
}

// The bits of a double order like its value once the sign bit is flipped, and all of them are where it was set.
function fractionDigits(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value + 0);
  const bits = view.getBigUint64(0);
  const ordered = bits >> 63n === 0n ? bits + (1n << 63n) : (1n << 64n) - 1n - bits;
  return ordered.toString(16).padStart(16, "0");
}

// What `Date` would carry over into the next month.
function isDay(day: string): boolean {
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}
