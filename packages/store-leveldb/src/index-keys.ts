import { hash } from "node:crypto";
import { type Indexed, type IndexTerm, labelField, type RowKey } from "@stigmer/store";
import type { KeyRange } from "./keys.ts";

/**
 * Keys of the index: `i tenant kind field =value id` for each entry and label of a row, and `i tenant kind field * id` for
 * each label whatever its value. Field and value are escaped, so that any text keeps its order and holds no NUL, and cut
 * where they are long; a cut text ends in its hash. So a range of keys can hold rows that are not meant, and lacks none
 * that are.
 */
type Place = { readonly tenant: string; readonly kind: string };

/** Longest field or value that a key has whole, in bytes. */
const WHOLE_BYTES = 256;
/** Ends of ranges are cut shorter than anything that is stored. */
const BOUND_BYTES = 200;
/** Behind everything that begins like a bound that was cut. */
const BEHIND = "\u{10ffff}".repeat(WHOLE_BYTES / 4);
const PLAIN = /^[\x20-\x7e]{0,256}$/;

/** The keys of all entries of a row. */
export function indexKeys(key: RowKey, { labels, indexed = [] }: Indexed): readonly string[] {
  const keys: string[] = [];
  for (const [label, value] of Object.entries(labels)) {
    const prefix = fieldPrefix(key, labelField(label));
    keys.push(`${prefix}=${keyText(value)}\0${key.id}`, `${prefix}*\0${key.id}`);
  }
  for (const [field, value] of indexed) keys.push(`${fieldPrefix(key, field)}=${keyText(value)}\0${key.id}`);
  return keys;
}

/** Where the ids for a value stand, in order: keys that are this, NUL and an id. */
export function valuePrefix(place: Place, field: string, value: string): string {
  return `${fieldPrefix(place, field)}=${keyText(value)}`;
}

/** Whether the keys of the term's values hold no row that is not meant: none of the values is cut. */
export function isExact(term: IndexTerm): boolean {
  return "in" in term && term.in.every((value) => PLAIN.test(value));
}

/** Where the ids stand that have the label, in order. */
export function presencePrefix(place: Place, field: string): string {
  return `${fieldPrefix(place, field)}*`;
}

/** The keys of the values in the range, in order of value, then of id. */
export function valueRange(place: Place, term: Extract<IndexTerm, { readonly to?: unknown }>): KeyRange {
  const prefix = `${fieldPrefix(place, term.field)}=`;
  return { gte: `${prefix}${lowEnd(term)}`, lt: term.to ? `${prefix}${highEnd(term.to)}` : rangeEnd(prefix) };
}

function lowEnd({ from }: Extract<IndexTerm, { readonly to?: unknown }>): string {
  if (from === undefined) return "";
  const text = escaped(from.value);
  if (Buffer.byteLength(text) > BOUND_BYTES) return cut(text, BOUND_BYTES);
  return from.inclusive ? text : `${text}\x01`;
}

function highEnd({ value, inclusive }: { readonly value: string; readonly inclusive: boolean }): string {
  const text = escaped(value);
  if (Buffer.byteLength(text) > BOUND_BYTES) return cut(text, BOUND_BYTES) + BEHIND;
  return inclusive ? `${text}\x01` : text;
}

function rangeEnd(prefix: string): string {
  return `${prefix.slice(0, -1)}>`;
}

function fieldPrefix({ tenant, kind }: Place, field: string): string {
  return `i\0${tenant}\0${kind}\0${keyText(field)}\0`;
}

function keyText(text: string): string {
  if (PLAIN.test(text)) return text;
  const whole = escaped(text);
  if (Buffer.byteLength(whole) <= WHOLE_BYTES) return whole;
  return `${cut(whole, WHOLE_BYTES)}\x01\x03${hash("sha256", whole, "hex").slice(0, 32)}`;
}

function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that keys give a meaning.
  return text.toWellFormed().replace(/[\0\x01]/g, (unit) => (unit === "\0" ? "\x01\x01" : "\x01\x02"));
}

// Between characters, and never between the two of an escape.
function cut(text: string, bytes: number): string {
  let size = 0;
  let end = 0;
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes) break;
    end += character.length;
  }
  return text.slice(0, text[end - 1] === "\x01" ? end - 1 : end);
}
