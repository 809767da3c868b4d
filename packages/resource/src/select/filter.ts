import type { Condition } from "./condition.ts";
import { type Comparison, type Filter, filterFault, type Operand, parseFilter } from "./filter-parser.ts";
import type { IndexedField, KindIndex } from "./kind-index.ts";
import { TEXT } from "./value-type.ts";

/**
 * What a filter asks for of the resources of a kind. Refuses, with the place, fields that are not declared, operands of
 * another type than their field, and comparisons that mean nothing for it. `!=` and NOT are also true where the field is
 * absent. `:` asks whether a text holds another, with `*` whether the field is set, and is otherwise the same as `=`.
 */
export function conditionOf(index: KindIndex, filter: string): Condition {
  return check(index, parseFilter(filter));
}

function check(index: KindIndex, filter: Filter): Condition {
  if ("all" in filter) return { all: filter.all.map((part) => check(index, part)) };
  if ("any" in filter) return { any: filter.any.map((part) => check(index, part)) };
  if ("not" in filter) return { not: check(index, filter.not) };
  const field = index.named(filter.path);
  if (field === undefined) {
    const allowed = index.fields.map(({ path }) => path).join(", ");
    throw filterFault(`no such field to filter by; there are ${allowed}:`, filter.at);
  }
  return compare(field, filter);
}

function compare(field: IndexedField, { comparator, operand, at }: Comparison): Condition {
  switch (comparator) {
    case ":":
      return has(field, operand);
    case "=":
      return equal(field, operand);
    case "!=":
      return { not: equal(field, operand) };
    default:
      if (!field.type.ordered) throw filterFault(`${field.path} can be compared by =, != and : only:`, at);
      return beyond(field.path, comparator, operandText(field, operand));
  }
}

function beyond(field: string, comparator: string, value: string): Condition {
  const bound = { value, inclusive: comparator.length === 2 };
  return comparator.startsWith("<") ? { field, to: bound } : { field, from: bound };
}

function has(field: IndexedField, operand: Operand): Condition {
  if (!operand.quoted && operand.text === "*") return isSet(field);
  if (field.type !== TEXT) return equal(field, operand);
  const part = operandText(field, operand);
  return { field: field.path, like: (value) => value.includes(part) };
}

// A field that always has a value counts as set where that is not the one that it has of itself.
function isSet({ path, unset }: IndexedField): Condition {
  return unset === undefined ? { field: path, present: true } : { not: { field: path, in: [unset] } };
}

function equal(field: IndexedField, operand: Operand): Condition {
  if (field.type === TEXT && STAR.test(operand.text)) return wildcard(field.path, operand);
  return { field: field.path, in: [operandText(field, operand)] };
}

function operandText({ path, type }: IndexedField, operand: Operand): string {
  if (!operand.text.isWellFormed() || operand.text.includes("\0")) {
    throw filterFault("a value holds NUL or a lone surrogate", operand.at);
  }
  const text = type.read(operand);
  if (text === undefined) throw filterFault(`${path} expects ${type.expects}:`, operand.at);
  return text;
}

/** A star that is not escaped. */
const STAR = /^(?:[^\\*]|\\[\s\S])*\*/;

function wildcard(field: string, operand: Operand): Condition {
  const { text, at } = operand;
  const [begins, ends] = [text.startsWith("*"), text.length > 1 && /(?:^|[^\\])(?:\\\\)*\*$/.test(text)];
  const inner = text.slice(begins ? 1 : 0, ends ? -1 : undefined);
  if (STAR.test(inner)) throw filterFault("a star may stand at the beginning and at the end only", at);
  const part = operandText({ path: field, type: TEXT, unset: undefined }, { ...operand, text: inner });
  if (!begins) return prefixed(field, part);
  return { field, like: ends ? (value) => value.includes(part) : (value) => value.endsWith(part) };
}

function prefixed(field: string, prefix: string): Condition {
  const to = afterPrefix(prefix);
  const from = { value: prefix, inclusive: true };
  return to === undefined ? { field, from } : { field, from, to: { value: to, inclusive: false } };
}

/** The first text, bytewise, behind all that begin with `prefix`; undefined where nothing comes behind them. */
function afterPrefix(prefix: string): string | undefined {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0) ?? 0;
    if (point < 0x10_ffff) return points.join("") + String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1);
  }
  return undefined;
}
