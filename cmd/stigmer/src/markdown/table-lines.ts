import type { Tokens } from "marked";
import { displayWidth } from "../output/width.ts";
import { inlineSpans } from "./inline.ts";
import type { Layout } from "./layout.ts";
import { type Span, widthOfSpans, wrapSpans } from "./spans.ts";

const GAP = "  ";
const MIN_COLUMN = 6;

type Align = "center" | "left" | "right" | null;

/** A table with a line below its heading; cells go on below where the terminal is narrow. */
export function tableLines({ header, rows, align }: Tokens.Table, layout: Layout): string[] {
  const head = header.map(({ tokens }) => inlineSpans(tokens, layout, ["bold"]));
  const body = rows.map((row) => row.map(({ tokens }) => inlineSpans(tokens, layout)));
  const widths = fitting([head, ...body], layout.width);
  const line = (cells: readonly (readonly Span[])[]): string[] => rowLines(cells, { widths, align, layout });
  const rule = layout.paint.dim(widths.map((width) => "─".repeat(width)).join(GAP));
  return [...line(head), rule, ...body.flatMap(line)];
}

/** The widest column gives way first. */
function fitting(rows: readonly (readonly (readonly Span[])[])[], room: number): number[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, at) =>
    Math.max(1, ...rows.map((row) => widthOfSpans(row[at] ?? []))),
  );
  const total = (): number => widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length);
  for (;;) {
    const widest = Math.max(...widths);
    if (total() <= room || widest <= MIN_COLUMN) return widths;
    widths[widths.indexOf(widest)] = Math.max(MIN_COLUMN, widest - 1);
  }
}

type Row = { readonly widths: readonly number[]; readonly align: readonly Align[]; readonly layout: Layout };

function rowLines(cells: readonly (readonly Span[])[], { widths, align, layout }: Row): string[] {
  const wrapped = widths.map((width, at) => {
    const spans = cells[at] ?? [];
    const lines = wrapSpans(spans, width, layout.paint);
    const plain = wrapSpans(spans, width, UNPAINTED);
    return lines.map((line, row) => aligned(line, width - displayWidth(plain[row] ?? ""), align[at] ?? null));
  });
  const height = Math.max(1, ...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, row) =>
    wrapped
      .map((lines, at) => lines[row] ?? " ".repeat(widths[at] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
}

function aligned(text: string, left: number, align: Align): string {
  const free = Math.max(0, left);
  if (align === "right") return " ".repeat(free) + text;
  if (align !== "center") return text + " ".repeat(free);
  const before = Math.floor(free / 2);
  return " ".repeat(before) + text + " ".repeat(free - before);
}

const same = (text: string): string => text;
/** Text without colour is as wide as it looks. */
const UNPAINTED: Layout["paint"] = {
  ...{ red: same, green: same, yellow: same, cyan: same, dim: same },
  ...{ bold: same, italic: same, underline: same, strike: same },
};
