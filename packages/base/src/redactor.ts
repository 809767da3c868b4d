/** Keeps values out of texts. */
export interface Redactor {
  /** Whether there is nothing to mask. */
  isEmpty(): boolean;
  /** From now on these are masked, in every form in which they travel; shorter ones than 4 characters never are. */
  add(values: Iterable<string>): void;
  /** The text with `***` for each value in it. */
  text(text: string): string;
  /** For a text that comes in pieces: a value that is cut anywhere is masked all the same. */
  stream(): RedactedStream;
}

export interface RedactedStream {
  /** Takes a piece; answers with what can be shown now. No more is held back than could be the beginning of a value. */
  push(piece: string): string;
  /** What was held back; the text has ended. */
  end(): string;
}

const MASK = "***";
const SHORTEST = 4;
/** Forms that differ from the value itself are looked for only where they are so long: shorter ones would be met by chance. */
const SHORTEST_FORM = 8;
const SHORTEST_LINE = 8;
/** Lengths of the windows by which patterns are found; a pattern is found by the longest that fits. */
const WINDOWS = [8, 4] as const;
const FACTOR = 0x01000193;
const BITS = 0xffff;

/** Finds all patterns of at least a window's length by the hash of their first characters. */
type Table = {
  readonly window: number;
  /** What the hash of a window's oldest character has been multiplied with when it leaves. */
  readonly oldest: number;
  readonly marks: Uint8Array;
  readonly byHash: Map<number, string[]>;
  /** Beginnings of patterns that are shorter than the window. */
  readonly heads: Set<string>;
  longest: number;
};

/** A match: where it begins, and where what follows begins. */
type Span = { readonly start: number; end: number };

/** Masks raw, base64 (whatever stands before, both alphabets), hexadecimal, percent-encoded and escaped as in JSON, JavaScript and HTML. */
export function createRedactor(): Redactor {
  const known = new Set<string>();
  const tables = WINDOWS.map(newTable);
  const isEmpty = (): boolean => known.size === 0;
  return {
    isEmpty,
    add(values) {
      for (const value of values) {
        if (value.length < SHORTEST || known.has(value)) continue;
        known.add(value);
        for (const form of formsOf(value)) addPattern(tables, form);
      }
    },
    text: (text) => (isEmpty() ? text : masked(text, spansIn(tables, text), { from: 0, to: text.length }).shown),
    stream: () => createStream(tables, isEmpty),
  };
}

function createStream(tables: readonly Table[], isEmpty: () => boolean): RedactedStream {
  let held = "";
  /** How far into what is held the mask reaches that was shown last. */
  let covered = 0;
  const show = (text: string, to: number): string => {
    const { shown, end } = masked(text, spansIn(tables, text), { from: covered, to });
    held = text.slice(to);
    covered = Math.max(0, end - to);
    return shown;
  };
  return {
    push(piece) {
      if (held === "" && isEmpty()) return piece;
      const text = held + piece;
      return show(text, openFrom(tables, text));
    },
    end: () => show(held, held.length),
  };
}

/** The part of a text up to `to`, with masks. Matches that touch are one; `end` is where the last mask reaches, beyond `to` perhaps. */
function masked(
  text: string,
  spans: readonly Span[],
  { from, to }: { readonly from: number; readonly to: number },
): { readonly shown: string; readonly end: number } {
  let shown = "";
  let at = from;
  for (const { start, end } of spans) {
    if (start >= to || end <= at) continue;
    const goesOn = start <= at && at === from && from > 0;
    if (start > at) shown += text.slice(at, start);
    if (!goesOn) shown += MASK;
    at = end;
  }
  return { shown: at < to ? shown + text.slice(at, to) : shown, end: Math.max(at, from) };
}

/** Where patterns stand, in order; those that overlap or touch are joined. */
function spansIn(tables: readonly Table[], text: string): readonly Span[] {
  const found = tables.flatMap((table) => matchesOf(table, text));
  found.sort((one, other) => one.start - other.start || one.end - other.end);
  const spans: Span[] = [];
  for (const span of found) {
    const last = spans.at(-1);
    if (last && span.start <= last.end) last.end = Math.max(last.end, span.end);
    else spans.push({ ...span });
  }
  return spans;
}

function matchesOf(table: Table, text: string): Span[] {
  const spans: Span[] = [];
  forCandidates(table, text, 0, (pattern, start) => {
    if (text.startsWith(pattern, start)) spans.push({ start, end: start + pattern.length });
  });
  return spans;
}

/** The first place from which on the text is the beginning of a pattern, and not the whole of it; its end where there is none. */
function openFrom(tables: readonly Table[], text: string): number {
  return Math.min(...tables.map((table) => openOf(table, text)));
}

function openOf(table: Table, text: string): number {
  const { length } = text;
  let first = length;
  forCandidates(table, text, Math.max(0, length - table.longest + 1), (pattern, start) => {
    const isOpen = start < first && start + pattern.length > length;
    if (isOpen && pattern.startsWith(text.slice(start))) first = start;
  });
  for (let start = Math.max(0, length - table.window + 1); start < first; start++)
    if (table.heads.has(text.slice(start))) first = start;
  return first;
}

/** Calls `see` with every pattern whose first characters have the hash of those at a place. */
function forCandidates(
  { window, oldest, marks, byHash }: Table,
  text: string,
  from: number,
  see: (pattern: string, start: number) => void,
): void {
  if (byHash.size === 0) return;
  let hash = 0;
  for (let at = from; at < text.length; at++) {
    hash = (Math.imul(hash, FACTOR) + text.charCodeAt(at)) | 0;
    const start = at - window + 1;
    if (start > from) hash = (hash - Math.imul(text.charCodeAt(start - 1), oldest)) | 0;
    if (start < from || marks[(hash ^ (hash >>> 16)) & BITS] === 0) continue;
    for (const pattern of byHash.get(hash) ?? []) see(pattern, start);
  }
}

function newTable(window: number): Table {
  let oldest = 1;
  for (let count = 0; count < window; count++) oldest = Math.imul(oldest, FACTOR);
  return { window, oldest, marks: new Uint8Array(BITS + 1), byHash: new Map(), heads: new Set(), longest: 0 };
}

function addPattern(tables: readonly Table[], pattern: string): void {
  const table = tables.find(({ window }) => pattern.length >= window);
  if (!table) return;
  let hash = 0;
  for (let at = 0; at < table.window; at++) hash = (Math.imul(hash, FACTOR) + pattern.charCodeAt(at)) | 0;
  table.marks[(hash ^ (hash >>> 16)) & BITS] = 1;
  table.byHash.set(hash, [...(table.byHash.get(hash) ?? []), pattern]);
  for (let length = 1; length < table.window; length++) table.heads.add(pattern.slice(0, length));
  table.longest = Math.max(table.longest, pattern.length);
}

/** The value, and what it looks like in other clothes. Of a value of many lines each long one counts by itself too. */
function formsOf(value: string): ReadonlySet<string> {
  const bytes = new TextEncoder().encode(value);
  const lines = value.includes("\n") ? value.split(/\r?\n/).map((line) => line.trim()) : [];
  const others = [
    ...[0, 1, 2].flatMap((before) => base64Forms(bytes, before)),
    ...percentForms(value),
    ...escapedForms(value),
    ...hexForms(bytes),
  ];
  return new Set([
    value,
    ...lines.filter((line) => line.length >= SHORTEST_LINE),
    ...others.filter((form) => form.length >= SHORTEST_FORM),
  ]);
}

/** The characters that are the value's alone where so many other bytes stand before it. */
function base64Forms(bytes: Uint8Array, before: number): string[] {
  const shifted = new Uint8Array(before + bytes.length);
  shifted.set(bytes, before);
  const first = before === 0 ? 0 : before + 1;
  const text = toBase64(shifted).slice(first, Math.floor((shifted.length * 8) / 6));
  return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
}

const CHUNK = 0x8000;

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK) binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(binary);
}

function hexForms(bytes: Uint8Array): string[] {
  const lower = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [lower, lower.toUpperCase()];
}

function percentForms(value: string): string[] {
  const plain = encodeURIComponent(value.toWellFormed());
  const strict = plain.replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  const form = strict.replaceAll("%20", "+");
  const forms = [plain, strict, form, form.replaceAll("%2A", "*"), encodeURI(value.toWellFormed())];
  return forms.flatMap((one) => [one, one.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}

function escapedForms(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const ascii = (digits: (code: string) => string): string =>
    json.replace(/[\u007f-\uffff]/g, (one) => `\\u${digits(one.charCodeAt(0).toString(16).padStart(4, "0"))}`);
  const careful = json.replace(/[<>&]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`);
  const quoted = json.replaceAll('\\"', '"').replaceAll("'", "\\'");
  const inner = [
    json,
    ascii((code) => code),
    ascii((code) => code.toUpperCase()),
    careful,
    json.replaceAll("/", "\\/"),
  ];
  const twice = inner.map((one) => JSON.stringify(one).slice(1, -1));
  const deeper = twice.map((one) => JSON.stringify(one).slice(1, -1)); // a log of a log of a tool's answer
  const html = value.replace(/[&<>]/g, (one) => HTML[one] ?? one);
  const htmlQuoted = html.replace(/["']/g, (one) => HTML[one] ?? one);
  return [...inner, ...twice, ...deeper, quoted, html, htmlQuoted];
}

const HTML: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
