import { Lexer, type Token, type Tokens } from "marked";
import { blockLines, codeFoot, codeHead, codeLines } from "./block-lines.ts";
import type { Layout } from "./layout.ts";

/** Lines that will not change any more, and those of the block that is not finished. */
export type Drawn = { readonly done: readonly string[]; readonly open: readonly string[] };

/** Lays Markdown out while it comes. */
export interface MarkdownStream {
  /** Takes what comes next. */
  add(text: string, layout: Layout): Drawn;
  /** The rest: whatever is open is finished. What is added afterwards begins a new text. */
  end(layout: Layout): Drawn;
}

/** What reads Markdown takes more than linear time, so a block that is larger is laid out in parts. */
const MAX_OPEN = 8 * 1024;

type Fence = { readonly close: RegExp; readonly maybeClose: RegExp };
/** Where the text stands: what is not laid out for good, what it stands in, and what came before it. */
type State = {
  rest: string;
  fence: Fence | undefined;
  next: number | undefined;
  before: Kind;
  /** What was read last, as the same text is read to see what is finished, and to lay out what is not. */
  read: { readonly text: string; readonly tokens: readonly Token[] };
};

/** What stood last: items of one list stand close. */
type Kind = "nothing" | "block" | "numbers" | "bullets";

export function createMarkdownStream(): MarkdownStream {
  let state = fresh();
  return {
    add(text, layout) {
      state.rest += text;
      const done = takeFinished(state, layout);
      return { done, open: openLines(state, layout) };
    },
    end(layout) {
      const done = [...takeFinished(state, layout), ...openLines(state, layout)];
      if (state.fence) done.push(codeFoot(layout));
      state = fresh();
      return { done, open: [] };
    },
  };
}

/** The whole text at once. */
export function markdownLines(text: string, layout: Layout): readonly string[] {
  const stream = createMarkdownStream();
  return [...stream.add(text, layout).done, ...stream.end(layout).done];
}

function fresh(): State {
  return { rest: "", fence: undefined, next: undefined, before: "nothing", read: { text: "", tokens: [] } };
}

function takeFinished(state: State, layout: Layout): string[] {
  const lines: string[] = [];
  for (;;) {
    const taken = state.fence ? takeCode(state, state.fence, layout) : takeBlocks(state, layout);
    if (!taken) return lines;
    lines.push(...taken);
  }
}

const FENCE = /^(?:[ \t]*\n)*( {0,3})(`{3,}|~{3,})([^\n`]*)\n/;

/** Takes what is finished at the beginning of the rest; undefined where nothing is. */
function takeBlocks(state: State, layout: Layout): string[] | undefined {
  const [opening, , marker = "", language = ""] = FENCE.exec(state.rest) ?? [];
  if (opening !== undefined) {
    const lines = [...gap(state, "block"), codeHead(language.trim(), layout)];
    state.fence = fenceOf(marker);
    moveOn(state, opening.length, "block");
    return lines;
  }
  const tokens = readRest(state);
  const finished = tokens.slice(0, finishedCount(tokens));
  if (finished.some(({ type }) => type !== "space")) return take(state, finished, layout);
  const items = finishedItems(tokens[0]);
  if (items) return take(state, [items], layout);
  // One that is too large is taken as far as it has come, to the end of a line.
  const end = state.rest.length > MAX_OPEN ? state.rest.lastIndexOf("\n") + 1 || state.rest.length : 0;
  return end > 0 ? take(state, lex(state.rest.slice(0, end)), layout) : undefined;
}

function take(state: State, tokens: readonly Token[], layout: Layout): string[] | undefined {
  const raw = tokens.map((token) => token.raw).join("");
  // What was read must be what stands there, or the rest would be another text.
  if (raw === "" || !state.rest.startsWith(raw)) return undefined;
  const shown = numbered(tokens, state);
  const lines = [...gap(state, kindOf(tokens[0])), ...blockLines(shown, layout)];
  const last = shown.at(-1);
  state.next = nextNumber(last);
  moveOn(state, raw.length, kindOf(last));
  return lines;
}

function moveOn(state: State, length: number, before: Kind): void {
  state.rest = state.rest.slice(length);
  state.before = before;
}

/** An empty line between blocks, and none between the items of one list. */
function gap({ before }: State, kind: Kind): string[] {
  return before === "nothing" || (before === kind && kind !== "block") ? [] : [""];
}

function kindOf(token: Token | undefined): Kind {
  if (token?.type !== "list") return "block";
  return (token as Tokens.List).ordered ? "numbers" : "bullets";
}

/** How many tokens nothing can change any more: all before the last one, and the last where a blank line closes it. */
function finishedCount(tokens: readonly Token[]): number {
  const lastAt = tokens.findLastIndex(({ type }) => type !== "space");
  const last = tokens[lastAt];
  if (!last) return 0;
  const isClosed = lastAt < tokens.length - 1 || (last.type === "heading" && last.raw.endsWith("\n"));
  const mayGoOn = last.type === "list" || last.type === "code";
  return isClosed && !mayGoOn ? tokens.length : lastAt;
}

/** A list without its last item, where it has others. */
function finishedItems(token: Token | undefined): Tokens.List | undefined {
  if (token?.type !== "list") return undefined;
  const list = token as Tokens.List;
  const items = list.items.slice(0, -1);
  const raw = items.map((item) => item.raw).join("");
  return items.length > 0 && list.raw.startsWith(raw) ? { ...list, items, raw } : undefined;
}

/** Items that come later go on with the numbers of those before, whatever number they were given. */
function numbered(tokens: readonly Token[], { next, before }: State): Token[] {
  const [first, ...others] = tokens;
  if (first === undefined || next === undefined || before !== "numbers" || kindOf(first) !== "numbers")
    return [...tokens];
  return [{ ...(first as Tokens.List), start: next }, ...others];
}

function nextNumber(token: Token | undefined): number | undefined {
  if (kindOf(token) !== "numbers") return undefined;
  const { start, items } = token as Tokens.List;
  return typeof start === "number" ? start + items.length : undefined;
}

function fenceOf(marker: string): Fence {
  const [sign = "`"] = marker;
  return {
    close: new RegExp(`^ {0,3}${sign}{${marker.length},}[ \\t]*$`),
    maybeClose: new RegExp(`^ {0,3}${sign}*[ \\t]*$`),
  };
}

/** Whole lines of code are finished as they come. */
function takeCode(state: State, { close }: Fence, layout: Layout): string[] | undefined {
  const lines: string[] = [];
  for (;;) {
    const end = state.rest.indexOf("\n");
    if (end < 0) return lines.length > 0 ? lines : undefined;
    const line = state.rest.slice(0, end);
    state.rest = state.rest.slice(end + 1);
    if (close.test(line)) {
      state.fence = undefined;
      return [...lines, codeFoot(layout)];
    }
    lines.push(...codeLines(line, layout));
  }
}

function openLines(state: State, layout: Layout): readonly string[] {
  const { rest, fence } = state;
  if (!fence) {
    const tokens = readRest(state);
    if (!tokens.some(({ type }) => type !== "space")) return [];
    return [...gap(state, kindOf(tokens[0])), ...blockLines(numbered(tokens, state), layout)];
  }
  // What may become the closing mark is no code yet.
  return rest === "" || fence.maybeClose.test(rest) ? [] : codeLines(rest, layout);
}

function readRest(state: State): readonly Token[] {
  if (state.read.text !== state.rest) state.read = { text: state.rest, tokens: lex(state.rest) };
  return state.read.tokens;
}

const TOO_DEEP = /^(?:[ \t]*(?:>|[-*+] |\d{1,9}[.)] )){12}/m;

/** What nests so deep that it can't be read is text like any other. */
function lex(text: string): Token[] {
  if (text.trim() === "") return [];
  if (TOO_DEEP.test(text)) return [{ type: "unread", raw: text }];
  try {
    return [...new Lexer({ gfm: true }).lex(text)];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [{ type: "unread", raw: text }];
  }
}
