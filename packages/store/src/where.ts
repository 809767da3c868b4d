import { compareBytewise } from "./bytewise.ts";

/**
 * What a row is found by: a field's name and a value, which may be any text. A lone surrogate in a value counts as U+FFFD,
 * which is what UTF-8 makes of it. Every label is such an entry too, of the field `labelField(key)`.
 */
export type IndexEntry = readonly [field: string, value: string];

/** A row's labels and index entries. */
export type Indexed = {
  readonly labels: Readonly<Record<string, string>>;
  readonly indexed?: readonly IndexEntry[];
};

/** True of a row that has an entry of the field: any, one of these values, or one within the bounds, bytewise. */
export type IndexTerm =
  | { readonly field: string; readonly present: true }
  | { readonly field: string; readonly in: readonly string[] }
  | { readonly field: string; readonly from?: Bound; readonly to?: Bound };

/** An end of a range. */
export type Bound = { readonly value: string; readonly inclusive: boolean };

/** True of rows for which each clause has a true term. */
export type Where = readonly (readonly IndexTerm[])[];

const LABEL = "@";

/** The field under which a label is found; fields of other entries never begin like it. */
export function labelField(key: string): string {
  return `${LABEL}${key}`;
}

/** Whether the field is a label's. */
export function isLabelField(field: string): boolean {
  return field.startsWith(LABEL);
}

/** What `where` says of a row, looking at nothing but the row: what every driver must find, and no more. */
export function whereMatcher(where: Where): (row: Indexed) => boolean {
  const clauses = where.map((clause) => clause.map(termMatcher));
  return (row) => clauses.every((terms) => terms.some((matches) => matches(row)));
}

function termMatcher(term: IndexTerm): (row: Indexed) => boolean {
  const accepts = valueMatcher(term);
  const { field } = term;
  if (isLabelField(field)) {
    const key = field.slice(LABEL.length);
    return ({ labels }) => Object.hasOwn(labels, key) && accepts(labels[key] ?? "");
  }
  return ({ indexed = [] }) => indexed.some(([name, value]) => name === field && accepts(value));
}

function valueMatcher(term: IndexTerm): (value: string) => boolean {
  if ("present" in term) return () => true;
  if ("in" in term) {
    const values = new Set(term.in.map((value) => value.toWellFormed()));
    return (value) => values.has(value.toWellFormed());
  }
  const { from, to } = term;
  return (value) => {
    const text = value.toWellFormed();
    return (from === undefined || isPast(text, from, 1)) && (to === undefined || isPast(text, to, -1));
  };
}

function isPast(text: string, { value, inclusive }: Bound, direction: number): boolean {
  const order = compareBytewise(text, value.toWellFormed()) * direction;
  return order > 0 || (inclusive && order === 0);
}
