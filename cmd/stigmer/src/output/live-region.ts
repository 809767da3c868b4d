import type { Sink } from "../deps.ts";
import { paintedWidth } from "./width.ts";

/** The last lines of a terminal, which are written anew as they change. All that stands above them stays. */
export interface LiveRegion {
  /** Writes lines that stay, and below them those that may change. What has not changed is not written again. */
  update(done: readonly string[], open: readonly string[]): Promise<void>;
  /** Leaves what stands there as it is; the next update begins below it. */
  leave(): Promise<void>;
  /** Takes the lines that may change away. */
  clear(): Promise<void>;
}

const DEFAULT_ROWS = 24;
const MIN_ROWS = 4;

/** Lines must be no wider than the terminal less one column, where a cursor would stand between two lines. */
export function createLiveRegion(sink: Pick<Sink, "columns" | "rows" | "write">): LiveRegion {
  let drawn: readonly string[] = [];
  const update = async (done: readonly string[], open: readonly string[]): Promise<void> => {
    // Nothing above the first row can be written anew.
    const kept = open.slice(-Math.max(MIN_ROWS, (sink.rows ?? DEFAULT_ROWS) - 2));
    const text = change(drawn, { next: [...done, ...kept], columns: sink.columns });
    const end = done.length > 0 && kept.length === 0 ? "\n" : "";
    drawn = kept;
    if (text || end) await sink.write(text + end);
  };
  return {
    update,
    async leave() {
      if (drawn.length > 0) await sink.write("\n");
      drawn = [];
    },
    async clear() {
      if (drawn.length > 0) await sink.write(`${back(drawn, sink.columns)}\x1b[J`);
      drawn = [];
    },
  };
}

/** What turns the lines that stand there, with the cursor at their end, into the next ones. */
function change(
  drawn: readonly string[],
  { next, columns }: { readonly next: readonly string[]; readonly columns: number },
): string {
  if (drawn.length === 0) return next.join("\n");
  // Where the next ones are fewer, the last of them is written again, so that the cursor stands at its end.
  const same = Math.min(firstDifference(drawn, next), Math.max(0, next.length - 1));
  const last = drawn.length - 1;
  // Text that grows at its end, which is how it mostly comes.
  if (same === last && next[last]?.startsWith(drawn[last] ?? "")) {
    return [next[last].slice(drawn[last]?.length), ...next.slice(last + 1)].join("\n");
  }
  if (same > last) return `\n${next.slice(drawn.length).join("\n")}`;
  return `${back(drawn.slice(same), columns)}\x1b[J${next.slice(same).join("\n")}`;
}

function firstDifference(drawn: readonly string[], next: readonly string[]): number {
  const at = drawn.findIndex((line, index) => line !== next[index]);
  return at < 0 ? drawn.length : at;
}

/** To the beginning of lines with the cursor at their end. A terminal that was made narrower has broken them. */
function back(lines: readonly string[], columns: number): string {
  const rows = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(paintedWidth(line) / Math.max(1, columns))), 0);
  return rows > 1 ? `\x1b[${rows - 1}A\r` : "\r";
}
