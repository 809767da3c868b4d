import { printableLine } from "./printable.ts";

const GAP = "   ";

/** Columns for a person: headings in capitals, cells padded to the widest. An empty cell is a hyphen. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings.map((heading) => heading.toUpperCase()), ...rows.map((row) => row.map(cell))];
  const widths = headings.map((_, at) => lines.reduce((widest, line) => Math.max(widest, widthOf(line[at] ?? "")), 0));
  return lines
    .map(
      (line) =>
        `${line
          .map((text, at) => pad(text, widths[at] ?? 0))
          .join(GAP)
          .trimEnd()}\n`,
    )
    .join("");
}

/** One row for a program: tabs between the cells, control characters in them escaped. */
export function formatDelimited(row: readonly string[]): string {
  return `${row.map(printableLine).join("\t")}\n`;
}

const MAX_CELL = 60;

function cell(value: string): string {
  const text = printableLine(value);
  if (!text) return "-";
  return widthOf(text) > MAX_CELL ? `${[...text].slice(0, MAX_CELL - 1).join("")}…` : text;
}

function widthOf(text: string): number {
  return [...text].length;
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}
