import { type Fault, invalid } from "@stigmer/base";

/** Deepest nesting of parentheses. */
export const MAX_FILTER_DEPTH = 32;
/** Most comparisons that one filter makes. */
export const MAX_FILTER_TERMS = 200;
/** Longest filter, in UTF-16 code units. */
const MAX_FILTER_LENGTH = 16_384;

/** A filter as it is written; places are offsets into its text. */
export type Filter =
  | { readonly all: readonly Filter[] }
  | { readonly any: readonly Filter[] }
  | { readonly not: Filter }
  | Comparison;

export type Comparison = {
  readonly path: string;
  readonly at: number;
  readonly comparator: Comparator;
  readonly operand: Operand;
};

export type Comparator = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":";

/** In `text` a star that stands for itself is escaped, as is a backslash; nothing else is. */
export type Operand = { readonly text: string; readonly quoted: boolean; readonly at: number };

/** The fault of a filter that is wrong at a place. */
export function filterFault(description: string, at: number): Fault {
  return invalid([{ field: "filter", description: `${description} at character ${at + 1}` }]);
}

const SPACE = /\s*/y;
const PATH = /[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*/y;
const COMPARATOR = /!=|<=|>=|[=<>:]/y;
const BARE = /[^\s()"',=<>]+/y;
const KEYWORDS: ReadonlySet<string> = new Set(["AND", "OR", "NOT"]);

/**
 * Reads a filter of AIP-160: comparisons joined by AND, OR (which binds tighter) and NOT or `-`, with parentheses; what
 * stands side by side is joined by AND. An empty one is true of everything. Words alone, functions and lists of operands
 * are refused, as is what nests too deep.
 */
export function parseFilter(text: string): Filter {
  if (text.length > MAX_FILTER_LENGTH) {
    throw invalid([{ field: "filter", description: `is longer than ${MAX_FILTER_LENGTH} characters` }]);
  }
  const source = createSource(text);
  source.take(SPACE);
  if (source.ended()) return { all: [] };
  const filter = expression(source, 0);
  if (!source.ended()) throw source.fault('unexpected ")"');
  return filter;
}

type Source = ReturnType<typeof createSource>;

function expression(source: Source, depth: number): Filter {
  const all = [factor(source, depth)];
  while (!source.ended() && !source.sees(")")) {
    source.keyword("AND");
    all.push(factor(source, depth));
  }
  const [only] = all;
  return all.length === 1 && only !== undefined ? only : { all };
}

function factor(source: Source, depth: number): Filter {
  const any = [term(source, depth)];
  while (source.keyword("OR")) any.push(term(source, depth));
  const [only] = any;
  return any.length === 1 && only !== undefined ? only : { any };
}

function term(source: Source, depth: number): Filter {
  if (source.keyword("NOT") || source.symbol("-")) return { not: simple(source, depth) };
  return simple(source, depth);
}

function simple(source: Source, depth: number): Filter {
  const start = source.at();
  if (!source.symbol("(")) return comparison(source);
  if (depth === MAX_FILTER_DEPTH) throw filterFault(`more than ${MAX_FILTER_DEPTH} parentheses deep`, start);
  const inner = expression(source, depth + 1);
  if (!source.symbol(")")) throw source.fault('expected ")"');
  return inner;
}

function comparison(source: Source): Filter {
  const at = source.at();
  source.count();
  const path = source.take(PATH);
  if (path === "" || KEYWORDS.has(path)) throw filterFault("expected a field", at);
  source.take(SPACE);
  const comparator = source.take(COMPARATOR) as Comparator | "";
  if (comparator === "") throw source.fault("expected one of =, !=, <, <=, >, >=, :");
  source.take(SPACE);
  return { path, at, comparator, operand: operand(source) };
}

function operand(source: Source): Operand {
  const at = source.at();
  const quote = source.sees('"') ? '"' : source.sees("'") ? "'" : "";
  const text = quote === "" ? source.take(BARE).replaceAll("\\", "\\\\") : quoted(source, quote);
  if (quote === "" && text === "") throw filterFault("expected a value", at);
  source.take(SPACE);
  return { text, quoted: quote !== "", at };
}

function quoted(source: Source, quote: string): string {
  const at = source.at();
  const found = source.take(quote === '"' ? /"(?:[^"\\]|\\[\s\S])*"/y : /'(?:[^'\\]|\\[\s\S])*'/y);
  if (found === "") throw filterFault("a quoted text without an end", at);
  return found.slice(1, -1).replace(/\\([\s\S])/g, (pair, character) => ("*\\".includes(character) ? pair : character));
}

function createSource(text: string) {
  let at = 0;
  let terms = 0;

  function take(pattern: RegExp): string {
    pattern.lastIndex = at;
    const [found = ""] = pattern.exec(text) ?? [];
    at += found.length;
    return found;
  }

  const sees = (wanted: string) => text.startsWith(wanted, at);
  const fault = (description: string) => filterFault(description, at);

  function accept(length: number): true {
    at += length;
    take(SPACE);
    return true;
  }

  return {
    at: () => at,
    ended: () => at === text.length,
    take,
    sees,
    fault,
    /** Takes a word that joins, where it stands here. */
    keyword: (word: string): boolean =>
      sees(word) && !/[\w.]/.test(text.charAt(at + word.length)) && accept(word.length),
    symbol: (wanted: string): boolean => sees(wanted) && accept(wanted.length),
    /** Counts a comparison; there may be only so many. */
    count(): void {
      if (++terms > MAX_FILTER_TERMS) throw fault(`more than ${MAX_FILTER_TERMS} comparisons`);
    },
  };
}
