import type { Paint, Style } from "../output/paint.ts";
import { charactersOf, displayWidth } from "../output/width.ts";

/** A piece of text in one style. A line end in it stays one. */
export type Span = { readonly text: string; readonly styles: readonly Style[] };

type Word = { readonly spans: readonly Span[]; readonly width: number };

/** Lines of at most `width` columns; words stay whole where they fit a line. Every line is painted for itself. */
export function wrapSpans(spans: readonly Span[], width: number, paint: Paint): string[] {
  const room = Math.max(1, width);
  return linesOf(spans).flatMap((line) => wrapLine(wordsOf(line), room).map((words) => paintLine(words, paint)));
}

function paintSpans(spans: readonly Span[], paint: Paint): string {
  return spans.map(({ text, styles }) => styles.reduce((painted, style) => paint[style](painted), text)).join("");
}

/** How many columns spans take on one line. */
export function widthOfSpans(spans: readonly Span[]): number {
  return spans.reduce((sum, { text }) => sum + displayWidth(text), 0);
}

function linesOf(spans: readonly Span[]): Span[][] {
  const lines: Span[][] = [[]];
  for (const { text, styles } of spans) {
    for (const [at, part] of text.split("\n").entries()) {
      if (at > 0) lines.push([]);
      if (part) lines.at(-1)?.push({ text: part, styles });
    }
  }
  return lines;
}

/** A word may be in several styles: `**bo**ld`. */
function wordsOf(spans: readonly Span[]): Word[] {
  const words: Span[][] = [[]];
  for (const { text, styles } of spans) {
    for (const part of text.split(/([ \t]+)/)) {
      if (/^[ \t]+$/.test(part)) words.push([]);
      else if (part) words.at(-1)?.push({ text: part, styles });
    }
  }
  return words.filter((word) => word.length > 0).map((word) => ({ spans: word, width: widthOfSpans(word) }));
}

function wrapLine(words: readonly Word[], width: number): Word[][] {
  const lines: Word[][] = [[]];
  let left = width;
  for (const word of words.flatMap((one) => pieces(one, width))) {
    const line = lines.at(-1) ?? [];
    const needed = word.width + (line.length > 0 ? 1 : 0);
    if (needed > left && line.length > 0) {
      lines.push([word]);
      left = width - word.width;
    } else {
      line.push(word);
      left -= needed;
    }
  }
  return lines;
}

/** A word that is longer than a line is cut where the line ends. */
function pieces(word: Word, width: number): Word[] {
  if (word.width <= width) return [word];
  const cut: Word[] = [];
  let spans: Span[] = [];
  let used = 0;
  for (const { text, styles } of word.spans) {
    for (const character of charactersOf(text)) {
      const size = displayWidth(character);
      if (used + size > width && used > 0) {
        cut.push({ spans, width: used });
        spans = [];
        used = 0;
      }
      spans.push({ text: character, styles });
      used += size;
    }
  }
  return [...cut, { spans, width: used }];
}

/** Blanks between words of one style have it too, so that an underline has no gaps. */
function paintLine(words: readonly Word[], paint: Paint): string {
  const spans: Span[] = [];
  for (const [at, word] of words.entries()) {
    if (at > 0) append(spans, { text: " ", styles: sharedStyles(spans.at(-1), word.spans[0]) });
    for (const span of word.spans) append(spans, span);
  }
  return paintSpans(spans, paint);
}

function append(spans: Span[], { text, styles }: Span): void {
  const last = spans.at(-1);
  if (last && last.styles.join() === styles.join()) spans[spans.length - 1] = { text: last.text + text, styles };
  else spans.push({ text, styles });
}

function sharedStyles(before: Span | undefined, after: Span | undefined): readonly Style[] {
  return before && after && before.styles.join() === after.styles.join() ? before.styles : [];
}
