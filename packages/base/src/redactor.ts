/** Keeps values out of texts. */
export interface Redactor {
  /** Whether there is nothing to mask. */
  isEmpty(): boolean;
  /**
   * From now on these are masked, in every form in which they travel; shorter ones than 4 characters never are. With `until`, milliseconds
   * since the Unix epoch, they are no secrets any more after that time; of what is added more than once the latest time counts.
   */
  add(values: Iterable<string>, until?: number): void;
  /** Forgets values whose time is over by then; a few of them may stay until there are more. */
  forget(now: number): void;
  /** The text with `***` for each value in it. */
  text(text: string): string;
  /** For a text that comes in pieces: a value that is cut anywhere is masked all the same. */
  stream(): RedactedStream;
}

export interface RedactedStream {
  /** Takes a piece; answers with what can be shown now. No more is held back than could be the beginning of a value. */
  push(piece: string): string;
  /** Whether something is held back. */
  isHolding(): boolean;
  /** What was held back; the text has ended. */
  end(): string;
}

const MASK = "***";
/** Where no mask reaches. */
const NOWHERE = -1;
const SHORTEST = 4;
/** Forms that differ from the value itself are looked for only where they are so long: shorter ones would be met by chance. */
const SHORTEST_FORM = 8;
const SHORTEST_LINE = 8;
/** Lengths of the windows by which patterns are found; a pattern is found by the longest that fits. */
const WINDOWS = [8, 4] as const;
const FACTOR = 0x01000193;
const BITS = 0xffff;
/** A line break within a text of letters, as it is or as JSON writes it, and what is indented after it; or what may become one. */
const BREAK = /(?:\r|\\{1,8}r)?(?:\n|\\{1,8}n)[ \t]{0,16}|(?:\r|\\{1,8}r)\\{0,8}$|\\{1,8}$/g;
const HAS_BREAK = /[\r\n\\]/;
/** Encoders break no narrower lines; without this every line that ends in a word might go on. */
const NARROWEST = 16;
/** Forgetting builds all tables anew. */
const FORGOTTEN_AT_ONCE = 32;
/** What base64 of both alphabets and hexadecimal are written in. */
const LETTERS = new Uint8Array(128);
for (const letter of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
  LETTERS[letter.charCodeAt(0)] = 1;

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

/** Letters that go on over line breaks: those without these, and where each line of them stands in the text. */
type Run = { letters: string; readonly lines: { readonly start: number; readonly before: number }[]; end: number };

/**
 * Masks raw, base64 (whatever stands before, both alphabets), hexadecimal, percent-encoded and escaped as in JSON, JavaScript and HTML.
 * What consists of letters of base64 alone is found over line breaks too, where the lines have 16 letters or more.
 */
export function createRedactor(): Redactor {
  const known = new Map<string, number>();
  const tables = WINDOWS.map(newTable);
  const isEmpty = (): boolean => known.size === 0;
  return {
    isEmpty,
    add(values, until = Number.POSITIVE_INFINITY) {
      for (const value of values) {
        if (value.length < SHORTEST) continue;
        const before = known.get(value);
        known.set(value, Math.max(until, before ?? until));
        if (before === undefined) addValue(tables, value);
      }
    },
    forget(now) {
      const over = [...known].filter(([, until]) => until <= now);
      if (over.length < FORGOTTEN_AT_ONCE) return;
      for (const [value] of over) known.delete(value);
      tables.forEach(empty); // in place: streams look into them
      for (const value of known.keys()) addValue(tables, value);
    },
    text: (text) =>
      isEmpty() ? text : masked(text, spansIn(tables, text, runsOf(text)), { from: NOWHERE, to: text.length }).shown,
    stream: () => createStream(tables, isEmpty),
  };
}

function createStream(tables: readonly Table[], isEmpty: () => boolean): RedactedStream {
  let held = "";
  /** How far into what is held the mask reaches that was shown last. */
  let covered = NOWHERE;
  /** Letters that stand right before what is held. */
  let lead = 0;
  const show = (text: string, runs: readonly Run[], to: number): string => {
    const { shown, end } = masked(text, spansIn(tables, text, runs), { from: covered, to });
    held = text.slice(to);
    covered = end < to ? NOWHERE : end - to;
    lead = leadOf(text, to, lead);
    return shown;
  };
  return {
    push(piece) {
      if (held === "" && isEmpty()) return piece;
      const text = held + piece;
      const runs = runsOf(text, lead);
      const open = openFrom(tables, text, runs);
      return show(text, runs, text[open - 1] === "\\" ? open - 1 : open); // a break that JSON wrote stays in one piece
    },
    isHolding: () => held !== "",
    end: () => show(held, runsOf(held, lead), held.length),
  };
}

/** The part of a text up to `to`, with masks. Matches that touch are one; `end` is where the last mask reaches, beyond `to` perhaps. */
function masked(
  text: string,
  spans: readonly Span[],
  { from, to }: { readonly from: number; readonly to: number },
): { readonly shown: string; readonly end: number } {
  let shown = "";
  let at = Math.max(0, from);
  for (const { start, end } of spans) {
    if (start >= to || end <= at) continue;
    const goesOn = start <= at && at === from;
    if (start > at) shown += text.slice(at, start);
    if (!goesOn) shown += MASK;
    at = end;
  }
  return { shown: at < to ? shown + text.slice(at, to) : shown, end: at > 0 ? at : from };
}

/** Where patterns stand, in order; those that overlap or touch are joined. */
function spansIn(tables: readonly Table[], text: string, runs: readonly Run[]): readonly Span[] {
  const found = tables.flatMap((table) => matchesOf(table, text));
  for (const run of runs) if (run.lines.length > 1) found.push(...matchesIn(tables, run));
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

function matchesIn(tables: readonly Table[], run: Run): Span[] {
  const [table] = tables;
  if (!table) return [];
  return matchesOf(table, run.letters).map(({ start, end }) => ({
    start: placeOf(run, start),
    end: placeOf(run, end - 1) + 1,
  }));
}

/** Where a letter of a run stands in the text. */
function placeOf({ lines }: Run, letter: number): number {
  let [low, high] = [0, lines.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((lines[middle]?.before ?? 0) <= letter) low = middle;
    else high = middle;
  }
  const line = lines[low];
  return line ? line.start + letter - line.before : 0;
}

/** What stands next to line breaks, where `lead` letters stand before the text. Every character is looked at twice at most. */
function runsOf(text: string, lead = 0): Run[] {
  const runs: Run[] = [];
  if (!HAS_BREAK.test(text)) return runs;
  let run: Run | undefined;
  let floor = 0;
  const take = (start: number, end: number): void => {
    run ??= { letters: "", lines: [], end };
    run.lines.push({ start, before: run.letters.length });
    run.letters += text.slice(start, end);
    run.end = end;
  };
  const close = (): void => {
    const end = run ? lettersAfter(text, floor) : floor;
    if (end > floor) take(floor, end);
    if (run) runs.push(run);
    run = undefined;
  };
  for (const {
    0: { length },
    index,
  } of text.matchAll(BREAK)) {
    const from = lettersBefore(text, index, floor);
    const isWide = index - from + (from === 0 ? lead : 0) >= NARROWEST;
    if (from > floor || !isWide) close();
    if (isWide && from < index) take(from, index);
    floor = index + length;
    if (run) run.end = floor;
  }
  close();
  return runs;
}

function lettersBefore(text: string, end: number, floor: number): number {
  let at = end;
  while (at > floor && LETTERS[text.charCodeAt(at - 1)] === 1) at--;
  return at;
}

/** How many letters stand before a place; beyond the narrowest line it does not matter. */
function leadOf(text: string, end: number, lead: number): number {
  const from = lettersBefore(text, end, Math.max(0, end - NARROWEST - 1));
  if (from === 0) return Math.min(NARROWEST, end + lead);
  return text.startsWith("\\n", from - 1) ? end - from - 1 : end - from;
}

function lettersAfter(text: string, start: number): number {
  let at = start;
  while (LETTERS[text.charCodeAt(at)] === 1) at++;
  return at;
}

/** The first place from which on the text is the beginning of a pattern, and not the whole of it; its end where there is none. */
function openFrom(tables: readonly Table[], text: string, runs: readonly Run[]): number {
  const open = Math.min(...tables.map((table) => openOf(table, text)));
  const [table] = tables;
  const run = runs.at(-1);
  if (!table || run?.end !== text.length) return open;
  const letter = openOf(table, run.letters);
  return letter < run.letters.length ? Math.min(open, placeOf(run, letter)) : open;
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

function empty(table: Table): void {
  table.marks.fill(0);
  table.byHash.clear();
  table.heads.clear();
  table.longest = 0;
}

function addValue(tables: readonly Table[], value: string): void {
  for (const form of formsOf(value)) addPattern(tables, form);
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
