import type { Row } from "./row.ts";

const HEAD = ["row", "unit", "ours", "peer", "peer's", "ratio", "goal", "met"];

/** The rows as a table for people: medians, and in brackets the least and the most. */
export function tableOf(rows: readonly Row[]): string {
  const cells = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const lines = cells.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const notes = rows.flatMap(({ row, note }) => (note ? [`${row}: ${note}`] : []));
  return [...lines, ...notes].join("\n");
}

function cellsOf({ row, unit, ours, peer, ratio, goal, met }: Row): string[] {
  const theirs = "missing" in peer ? peer.missing : spread(peer);
  return [row, unit, spread(ours), peer.name, theirs, ratio === null ? "-" : `${ratio}`, goal ?? "-", verdict(met)];
}

function spread({ median, min, max }: { readonly median: number; readonly min: number; readonly max: number }): string {
  return min === max ? `${median}` : `${median} [${min}..${max}]`;
}

function verdict(met: boolean | null): string {
  if (met === null) return "-";
  return met ? "yes" : "NO";
}
