import type { DiffLine } from "../output/line-diff.ts";
import type { Paint } from "../output/paint.ts";
import { printableLine } from "../output/printable.ts";
import type { FileChange } from "./file-change.ts";

const MARKS: Readonly<Record<DiffLine["kind"], string>> = { same: "  ", added: "+ ", removed: "- ", gap: "⋮" };

/** A change of a file as a diff of at most `limit` lines, indented by four. Nothing in it can draw on the terminal. */
export function changeText(
  { path, isNew, lines }: FileChange,
  { paint, limit }: { readonly paint: Paint; readonly limit: number },
): string {
  const count = (kind: DiffLine["kind"]): number => lines.filter((line) => line.kind === kind).length;
  const numbers = `${paint.green(`+${count("added")}`)} ${paint.red(`-${count("removed")}`)}`;
  const head = `    ${paint.bold(printableLine(path))}${isNew ? " (new)" : ""} ${numbers}`;
  const shown = lines.slice(0, limit).map((line) => `    ${lineText(line, paint)}`);
  const left = lines.length - shown.length;
  const more = left > 0 ? [paint.dim(`    … ${left} more ${left === 1 ? "line" : "lines"}`)] : [];
  return `${[head, ...shown, ...more].join("\n")}\n`;
}

function lineText({ kind, text }: DiffLine, paint: Paint): string {
  const line = MARKS[kind] + printableLine(text.replaceAll("\t", "  "));
  if (kind === "added") return paint.green(line);
  return kind === "removed" ? paint.red(line) : paint.dim(line);
}
