/** What a person would see: a terminal's screen and all that has scrolled off it, without colours. */
export interface Terminal {
  write(text: string): void;
  /** Every line from the first on, without blanks at its end. */
  lines(): readonly string[];
  /** The same as one text, without empty lines at the end. */
  text(): string;
  resize(columns: number): void;
}

export type TerminalSize = { readonly columns: number; readonly rows: number };

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
/** A control sequence, a command to the operating system, or one character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal is made of them
const TOKEN = /\x1b\[([?>]?)([\d;]*)([ -/]*[@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_=>78]|[\s\S]/gu;

/** A row of cells; the second cell of a wide character is empty. `soft` rows go on in the next one. */
type Row = { cells: string[]; soft: boolean };

/**
 * A terminal like most: lines that are too long wrap, the second column of a wide character is its own, and where it is made narrower
 * or wider the lines that it has wrapped are wrapped anew.
 */
export function createTerminal(size: TerminalSize): Terminal {
  let { columns } = size;
  let rows: Row[] = [newRow()];
  let [row, column] = [0, 0];
  const top = (): number => Math.max(0, rows.length - size.rows);
  const at = (): Row => {
    while (rows.length <= row) rows.push(newRow());
    return rows[row] ?? newRow();
  };
  const put = (character: string): void => {
    if (NOTHING.test(character)) return;
    const width = WIDE.test(character) ? 2 : 1;
    if (column + width > columns) {
      at().soft = true;
      row += 1;
      column = 0;
    }
    const { cells } = at();
    while (cells.length < column) cells.push(" ");
    cells.splice(column, width, character, ...(width === 2 ? [""] : []));
    column += width;
  };
  const eraseLine = (mode: number): void => {
    const line = at();
    if (mode === 0) line.cells.length = Math.min(line.cells.length, column);
    else line.cells = mode === 2 ? [] : line.cells.fill(" ", 0, column + 1);
    line.soft = false;
  };
  const erase = (mode: number): void => {
    if (mode === 0) {
      eraseLine(0);
      rows.length = row + 1;
    } else if (mode >= 2) rows = [...rows.slice(0, top()), ...Array.from({ length: size.rows }, newRow)];
  };
  const control = (parameters: string, command: string): void => {
    const [first = 0, second = 0] = parameters.split(";").map(Number);
    const count = first || 1;
    if (command === "A") row = Math.max(top(), row - count);
    else if (command === "B") row = Math.min(top() + size.rows - 1, row + count);
    else if (command === "C") column = Math.min(columns - 1, column + count);
    else if (command === "D") column = Math.max(0, column - count);
    else if (command === "G") column = Math.min(columns - 1, count - 1);
    else if (command === "H") [row, column] = [top() + count - 1, Math.max(0, (second || 1) - 1)];
    else if (command === "J") erase(first);
    else if (command === "K") eraseLine(first);
    at();
  };
  const take = (token: string, match: RegExpMatchArray): void => {
    if (match[3] !== undefined) {
      if (match[1] === "") control(match[2] ?? "", match[3]);
    } else if (token === "\n") row += 1;
    else if (token === "\r") column = 0;
    else if (token === "\b") column = Math.max(0, column - 1);
    else if (token === "\t") column = Math.min(columns - 1, column - (column % 8) + 8);
    else if (token >= " " && token !== "\x7f") put(token);
    at();
  };
  return {
    write: (text) => {
      for (const match of text.matchAll(TOKEN)) take(match[0], match);
    },
    lines: () => rows.map(({ cells }) => cells.join("").trimEnd()),
    text: () =>
      rows
        .map(({ cells }) => cells.join("").trimEnd())
        .join("\n")
        .trimEnd(),
    resize(next) {
      const offset = lengthBefore(rows, row) + column;
      columns = next;
      rows = wrapped(rows, next);
      [row, column] = placeOf(rows, offset);
    },
  };
}

function newRow(): Row {
  return { cells: [], soft: false };
}

/** Cells up to a row, each hard line end counting as one. */
function lengthBefore(rows: readonly Row[], end: number): number {
  return rows.slice(0, end).reduce((sum, { cells, soft }) => sum + cells.length + (soft ? 0 : 1), 0);
}

function wrapped(rows: readonly Row[], columns: number): Row[] {
  const lines: string[][] = [[]];
  for (const { cells, soft } of rows) {
    lines.at(-1)?.push(...cells);
    if (!soft) lines.push([]);
  }
  if (lines.length > 1) lines.pop();
  return lines.flatMap((cells) => {
    const parts: Row[] = [];
    for (let start = 0; start === 0 || start < cells.length; start += columns) {
      parts.push({ cells: cells.slice(start, start + columns), soft: start + columns < cells.length });
    }
    return parts;
  });
}

function placeOf(rows: readonly Row[], offset: number): [row: number, column: number] {
  let left = offset;
  for (const [at, { cells, soft }] of rows.entries()) {
    const length = cells.length + (soft ? 0 : 1);
    if (left < length || at === rows.length - 1) return [at, Math.min(left, cells.length)];
    left -= length;
  }
  return [0, 0];
}
