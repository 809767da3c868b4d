import type { Token, Tokens } from "marked";
import { printableLine } from "../output/printable.ts";
import { displayWidth } from "../output/width.ts";
import { inlineSpans } from "./inline.ts";
import type { Layout } from "./layout.ts";
import { type Span, wrapSpans } from "./spans.ts";
import { tableLines } from "./table-lines.ts";

const MIN_WIDTH = 20;
const MAX_DEPTH = 12;

/** Block tokens as lines, with an empty one between blocks. */
export function blockLines(tokens: readonly Token[], layout: Layout, depth = 0): string[] {
  const shown = tokens.filter(({ type }) => type !== "space" && type !== "def");
  return shown.flatMap((token, at) => {
    const lines = linesOf(token, layout, depth);
    const isTight = token.type === "list" && depth > 0;
    return at > 0 && !isTight ? ["", ...lines] : lines;
  });
}

/** Lines of code between borders; a line that is too long goes on below. */
export function codeLines(text: string, { width, paint }: Layout): string[] {
  const edge = paint.dim("│ ");
  return text.split("\n").flatMap((line) => cutCode(line, Math.max(MIN_WIDTH, width - 2)).map((part) => edge + part));
}

export function codeHead(language: string, { paint }: Layout): string {
  return paint.dim(`╭─${language ? ` ${printableLine(language)}` : ""}`);
}

export function codeFoot({ paint }: Layout): string {
  return paint.dim("╰─");
}

function linesOf(token: Token, layout: Layout, depth: number): string[] {
  if (depth > MAX_DEPTH) return textLines([{ text: printableLine(token.raw.trim()), styles: [] }], layout);
  switch (token.type) {
    case "heading":
      return headingLines(token as Tokens.Heading, layout);
    case "code": {
      const { text, lang = "" } = token as Tokens.Code;
      return [codeHead(lang, layout), ...codeLines(text, layout), codeFoot(layout)];
    }
    case "blockquote": {
      const inner = blockLines((token as Tokens.Blockquote).tokens, narrower(layout, 2), depth + 1);
      return inner.map((line) => `${layout.paint.dim("▌")} ${line}`);
    }
    case "list":
      return listLines(token as Tokens.List, layout, depth);
    case "table":
      return tableLines(token as Tokens.Table, layout);
    case "hr":
      return [layout.paint.dim("─".repeat(Math.min(layout.width, 40)))];
    case "paragraph":
    case "text": {
      const { tokens, text } = token as Tokens.Paragraph;
      return textLines(tokens ? inlineSpans(tokens, layout) : [{ text: printableLine(text), styles: [] }], layout);
    }
    default:
      return token.raw.trimEnd().split("\n").map(printableLine);
  }
}

function headingLines({ depth, tokens }: Tokens.Heading, layout: Layout): string[] {
  const styles = depth === 1 ? (["bold", "underline"] as const) : (["bold"] as const);
  const mark = layout.keepMarks ? [{ text: `${"#".repeat(depth)} `, styles: [] }] : [];
  return textLines([...mark, ...inlineSpans(tokens, layout, styles)], layout);
}

function listLines({ items, ordered, start }: Tokens.List, layout: Layout, depth: number): string[] {
  const first = typeof start === "number" ? start : 1;
  return items.flatMap((item, at) => {
    const mark = ordered ? `${first + at}. ` : "• ";
    const lines = blockLines(item.tokens.filter(notCheckbox), narrower(layout, mark.length), depth + 1);
    const [head = "", ...rest] = item.task ? withBox(lines, item.checked === true) : lines;
    return [`${layout.paint.dim(mark)}${head}`, ...rest.map((line) => (line ? " ".repeat(mark.length) + line : ""))];
  });
}

function notCheckbox({ type }: Token): boolean {
  return type !== "checkbox";
}

function withBox([head = "", ...rest]: readonly string[], checked: boolean): string[] {
  return [`${checked ? "[x]" : "[ ]"} ${head.replace(/^\[[ x]\] /, "")}`, ...rest];
}

function textLines(spans: readonly Span[], { width, paint }: Layout): string[] {
  return wrapSpans(spans, width, paint);
}

function narrower(layout: Layout, by: number): Layout {
  return { ...layout, width: Math.max(MIN_WIDTH, layout.width - by) };
}

/** Code keeps its blanks, so it is cut and not wrapped. */
function cutCode(line: string, width: number): string[] {
  const text = printableLine(line.replaceAll("\t", "  "));
  if (displayWidth(text) <= width) return [text];
  const parts: string[] = [];
  let [part, used] = ["", 0];
  for (const character of text) {
    const size = displayWidth(character);
    if (used + size > width) {
      parts.push(part);
      [part, used] = ["", 0];
    }
    part += character;
    used += size;
  }
  return [...parts, part];
}
