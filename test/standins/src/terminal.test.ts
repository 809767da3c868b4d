import { expect, it } from "vitest";
import { createTerminal } from "./terminal.ts";

function shown(text: string, { columns = 10, rows = 4 } = {}): readonly string[] {
  const terminal = createTerminal({ columns, rows });
  terminal.write(text);
  return terminal.lines();
}

it.each([
  ["lines", "one\r\ntwo", ["one", "two"]],
  ["a line feed that keeps the column", "ab\ncd", ["ab", "  cd"]],
  ["a line that is written over", "abc\rX", ["Xbc"]],
  ["what is erased to the end of the line", "abc\r\x1b[Kx", ["x"]],
  ["what is erased below", "a\r\nb\r\nc\x1b[2A\r\x1b[Jx", ["x"]],
  [
    "a cursor that goes up as far as the screen does",
    "1\r\n2\r\n3\r\n4\r\n5\r\n6\x1b[9A\rX",
    ["1", "2", "X", "4", "5", "6"],
  ],
  ["a column that is chosen", "\x1b[4Gx\x1b[2Gy", [" y x"]],
  ["text without its colours", "\x1b[1;31mred\x1b[0m\x1b[?2004h", ["red"]],
  ["a line that is too long, on the next one", "0123456789ab", ["0123456789", "ab"]],
  ["a full line with the cursor still on it", "0123456789\rX", ["X123456789"]],
  ["wide characters in two columns each", "漢漢漢漢漢漢", ["漢漢漢漢漢", "漢"]],
])("shows %s", (_, text, lines) => {
  expect(shown(text)).toEqual(lines);
});

it("wraps anew the lines that it has wrapped where it is made narrower or wider", () => {
  const terminal = createTerminal({ columns: 10, rows: 9 });
  terminal.write("a hard end\r\nthis was wrapped");

  terminal.resize(4);
  const narrow = terminal.lines();
  terminal.resize(40);
  terminal.write("!");

  expect([narrow.length, terminal.lines()]).toEqual([7, ["a hard end", "this was wrapped!"]]);
});
