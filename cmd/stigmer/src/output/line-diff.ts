/** A line of a diff: kept, added or removed, or a gap between two places. */
export type DiffLine = { readonly kind: "same" | "added" | "removed" | "gap"; readonly text: string };

const CONTEXT = 3;
/** Two texts whose middles are larger are shown as one replaced by the other. */
const MAX_COMPARED = 2_000_000;

/** What turns one text into another, line by line, with some lines around each place; empty where they are the same. */
export function diffLines(before: string, after: string): readonly DiffLine[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  const all = [
    ...old.slice(0, start).map(same),
    ...middle(old.slice(start, old.length - end), now.slice(start, now.length - end)),
    ...old.slice(old.length - end).map(same),
  ];
  return around(all);
}

function linesOf(text: string): readonly string[] {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

function same(text: string): DiffLine {
  return { kind: "same", text };
}

/** The longest common subsequence, where it costs little. */
function middle(old: readonly string[], now: readonly string[]): DiffLine[] {
  if (old.length * now.length > MAX_COMPARED) return [...old.map(removed), ...now.map(added)];
  const width = now.length + 1;
  const lengths = new Uint32Array((old.length + 1) * width);
  for (let row = old.length - 1; row >= 0; row--) {
    for (let column = now.length - 1; column >= 0; column--) {
      const at = row * width + column;
      const isSame = old[row] === now[column];
      lengths[at] = isSame
        ? (lengths[at + width + 1] ?? 0) + 1
        : Math.max(lengths[at + width] ?? 0, lengths[at + 1] ?? 0);
    }
  }
  return walk(old, now, lengths);
}

function walk(old: readonly string[], now: readonly string[], lengths: Uint32Array): DiffLine[] {
  const width = now.length + 1;
  const lines: DiffLine[] = [];
  let [row, column] = [0, 0];
  while (row < old.length || column < now.length) {
    const [left = "", right = ""] = [old[row], now[column]];
    const at = row * width + column;
    if (row < old.length && column < now.length && left === right) {
      lines.push(same(left));
      row += 1;
      column += 1;
    } else if (column >= now.length || (row < old.length && (lengths[at + width] ?? 0) >= (lengths[at + 1] ?? 0))) {
      lines.push(removed(left));
      row += 1;
    } else {
      lines.push(added(right));
      column += 1;
    }
  }
  return lines;
}

function removed(text: string): DiffLine {
  return { kind: "removed", text };
}

function added(text: string): DiffLine {
  return { kind: "added", text };
}

/** Lines that stay are left out, but for those next to a change. */
function around(lines: readonly DiffLine[]): DiffLine[] {
  const near = new Set<number>();
  for (const [at, { kind }] of lines.entries()) {
    if (kind === "same") continue;
    for (let place = at - CONTEXT; place <= at + CONTEXT; place++) near.add(place);
  }
  const shown: DiffLine[] = [];
  let last = -1;
  for (const [at, line] of lines.entries()) {
    if (!near.has(at)) continue;
    if (shown.length > 0 && at > last + 1) shown.push({ kind: "gap", text: "" });
    shown.push(line);
    last = at;
  }
  return shown;
}
