import { expect, it } from "vitest";
import { createLines } from "./lines.ts";

function cut(chunks: readonly string[], longest = 100) {
  const lines: string[] = [];
  const complaints: string[] = [];
  const push = createLines(
    longest,
    (line) => lines.push(line),
    (why) => complaints.push(why),
  );
  for (const chunk of chunks) push(Buffer.from(chunk, "latin1"));
  return { lines, complaints };
}

it("cuts lines wherever the chunks end, within a character too", () => {
  const text = Buffer.from("one\ntwö\n\nthree").toString("latin1");

  const byByte = cut([...text]);

  expect(byByte.lines).toEqual(["one", "twö", ""]);
  expect(cut([text]).lines).toEqual(byByte.lines);
});

it("complains once of a line that is too long, and reads no more", () => {
  const { lines, complaints } = cut(["ok\n", "x".repeat(60), "x".repeat(60), "\nok\n", "x".repeat(200)]);

  expect(lines).toEqual(["ok"]);
  expect(complaints).toHaveLength(1);
});
