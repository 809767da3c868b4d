import { printableLine } from "./printable.ts";
import { cutToWidth, displayWidth } from "./width.ts";

/** A table whose rows come one at a time. */
export type GrowingTable = { head(): string; row(cells: readonly string[]): string };

const GAP = "   ";

/**
 * Columns for a person: headings in capitals, cells padded to the widest. An empty cell is a hyphen. Where lines are longer
 * than `columns`, cells are cut.
 */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  columns = Number.POSITIVE_INFINITY,
): string {
  const lines = [headings.map((heading) => heading.toUpperCase()), ...rows.map((row) => row.map(cell))];
  const widths = fittingWidths(lines, columns);
  return lines.map((line) => formatLine(line, widths)).join("");
}

/** The same for rows that come one at a time: a column is as wide as its widest cell so far. */
export function growingTable(headings: readonly string[]): GrowingTable {
  const widths = headings.map((heading) => Math.max(MIN_GROWING, displayWidth(heading)));
  return {
    head: () =>
      formatLine(
        headings.map((heading) => heading.toUpperCase()),
        widths,
      ),
    row(cells) {
      const line = cells.map(cell);
      for (const [at, text] of line.entries()) widths[at] = Math.max(widths[at] ?? 0, displayWidth(text));
      return formatLine(line, widths);
    },
  };
}

/** One row for a program: tabs between the cells, control characters in them escaped. */
export function formatDelimited(row: readonly string[]): string {
  return `${row.map(printableLine).join("\t")}\n`;
}

const MAX_CELL = 60;

/** Widest cells come late, so a column begins with room. */
const MIN_GROWING = 12;
/** Below this nothing can be recognized any more. */
const MIN_CUT = 12;
/** Cut in half an id is worth nothing: it is there to be copied. */
const ID = /^[a-z]+_[0-9A-Z]{26}$/;

/** How wide the columns may be on a terminal: the widest gives way first, but never names, which stand first, or ids. */
function fittingWidths(lines: readonly (readonly string[])[], columns: number): readonly number[] {
  const widths = (lines[0] ?? []).map((_, at) =>
    lines.reduce((widest, line) => Math.max(widest, displayWidth(line[at] ?? "")), 0),
  );
  const canShrink = (at: number): boolean => at > 0 && !lines.some((line) => ID.test(line[at] ?? ""));
  for (;;) {
    const total = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length);
    const shrinkable = widths.map((width, at) => (canShrink(at) && width > MIN_CUT ? width : 0));
    const widest = Math.max(...shrinkable);
    if (total <= columns || widest === 0) return widths;
    widths[shrinkable.indexOf(widest)] = Math.max(MIN_CUT, widest - 1);
  }
}

function formatLine(line: readonly string[], widths: readonly number[]): string {
  const cells = line.map((text, at) => pad(cutToWidth(text, widths[at] ?? 0), widths[at] ?? 0));
  return `${cells.join(GAP).trimEnd()}\n`;
}

function cell(value: string): string {
  const text = printableLine(value);
  if (!text) return "-";
  return cutToWidth(text, MAX_CELL);
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}
