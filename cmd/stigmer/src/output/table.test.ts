import { expect, it } from "vitest";
import { formatOf } from "./format.ts";
import { nearest } from "./nearest.ts";
import { paintFor } from "./paint.ts";
import { relativeTime } from "./relative-time.ts";
import { formatDelimited, formatTable, growingTable } from "./table.ts";
import { cutToWidth, displayWidth } from "./width.ts";

it("aligns columns, and shows nothing as a hyphen", () => {
  const table = formatTable(
    ["name", "model"],
    [
      ["a", ""],
      ["longer", "openai/gpt-5"],
    ],
  );

  expect(table).toBe("NAME     MODEL\na        -\nlonger   openai/gpt-5\n");
});

it("cuts the widest cells where lines are too long for the terminal, but no names and no ids", () => {
  const id = "aex_01M7YHQ8YTFBCG6W452SX0TNM1";

  const table = formatTable(["name", "model", "id"], [["a".repeat(30), "m".repeat(40), id]], 82);

  expect(table.split("\n")[1]).toBe(`${"a".repeat(30)}   ${"m".repeat(15)}…   ${id}`);
});

it("widens the columns of rows that come one at a time", () => {
  const table = growingTable(["name", "age"]);

  const lines = [
    table.head(),
    table.row(["a", "1s"]),
    table.row(["a-name-of-some-length", "2s"]),
    table.row(["b", "3s"]),
  ];

  expect(lines).toEqual([
    "NAME           AGE\n",
    "a              1s\n",
    "a-name-of-some-length   2s\n",
    "b                       3s\n",
  ]);
});

it("shows a hostile cell on its own line and in its own column", () => {
  const cells = ["a\tb\n", "\x1b[1A"];

  expect([formatTable(["x", "y"], [cells]), formatDelimited(cells)]).toEqual([
    "X        Y\na\\tb\\n   \\x1b[1A\n",
    "a\\tb\\n\t\\x1b[1A\n",
  ]);
});

it.each([
  [0, "0s"],
  [-5000, "0s"],
  [59_999, "59s"],
  [60_000, "1m"],
  [3 * 3_600_000, "3h"],
  [50 * 3_600_000, "2d"],
])("says that %i ms are %s", (passed, expected) => {
  expect(relativeTime(1_000_000, 1_000_000 + passed)).toBe(expected);
});

it.each([
  ["instuctions", "instructions"],
  ["MODEL", "model"],
  ["dscription", "description"],
  ["mdoel", "model"],
  ["zzz", undefined],
])("takes %s for %s", (word, expected) => {
  expect(nearest(word, ["instructions", "model", "description"])).toBe(expected);
});

it("writes a table to a terminal and tab-separated values to a pipe, unless told", () => {
  expect([
    formatOf(undefined, { isTTY: true }),
    formatOf(undefined, { isTTY: false }),
    formatOf("json", { isTTY: true }),
    formatOf("table", { isTTY: false }),
  ]).toEqual(["table", "delimited", "json", "table"]);
});

it("refuses a format that a command does not have", () => {
  const asked = () => formatOf("yaml", { isTTY: true, allowed: ["table", "json"] });

  expect(asked).toThrow(expect.objectContaining({ exit: 2, next: "use one of: table, json" }));
});

it.each([
  [true, {}, true],
  [true, { NO_COLOR: "1" }, false],
  [true, { TERM: "dumb" }, false],
  [false, {}, false],
])("paints where stdout is a terminal: %s with %j is %s", (isTTY, env, painted) => {
  const paint = paintFor({ isTTY, columns: 80, write: async () => {} }, env);

  expect(paint.red("x") !== "x").toBe(painted);
});

it.each([
  ["東京", "ab"],
  ["👩‍💻", "ab"],
  ["e\u0301e\u0301", "ab"],
  ["한국", "abcd"],
])("aligns the column after %s", (wide, narrow) => {
  const lines = formatTable(
    ["name", "model"],
    [
      [wide, "x"],
      [narrow, "x"],
    ],
  ).split("\n");

  const columnsBefore = (line: string): number => displayWidth(line.slice(0, line.lastIndexOf("x")));
  expect(columnsBefore(lines[1] ?? "")).toBe(columnsBefore(lines[2] ?? ""));
});

it("cuts wide text at its width, and no character in half", () => {
  expect(cutToWidth("東京都庁", 6)).toBe("東京…");
  expect(displayWidth("👨‍👩‍👧")).toBe(2);
});
