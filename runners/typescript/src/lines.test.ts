import { expect, it } from "vitest";
import { createLines } from "./lines.ts";

function cut(chunks: readonly string[], longestBytes = 100) {
  const lines: string[] = [];
  const tooLong: unknown[] = [];
  const complaints: string[] = [];
  const push = createLines(
    { longestBytes, mostSkippedBytes: 1_000 },
    {
      onLine: (line) => lines.push(line),
      onTooLong: ({ id }, bytes) => tooLong.push([id, bytes]),
      onEndless: (why) => complaints.push(why),
    },
  );
  for (const chunk of chunks) push(Buffer.from(chunk, "latin1"));
  return { lines, tooLong, complaints };
}

it("cuts lines wherever the chunks end, within a character too", () => {
  const text = Buffer.from("one\ntwö\n\nthree").toString("latin1");

  const byByte = cut([...text]);

  expect(byByte.lines).toEqual(["one", "twö", ""]);
  expect(cut([text]).lines).toEqual(byByte.lines);
});

it("says of a line that is too long how long it is and whose answer, and goes on with the next", () => {
  const long = `{"result":"${"x".repeat(200)}","id":5}`;

  const whole = cut([`ok\n${long}\nok\n`]);
  const byByte = cut([...`ok\n${long}\nok\n`]);

  expect(whole).toEqual({ lines: ["ok", "ok"], tooLong: [[5, long.length]], complaints: [] });
  expect(byByte).toEqual(whole);
});

it("complains once of a line that has no end, and reads no more", () => {
  const { lines, complaints } = cut(["ok\n", "x".repeat(600), "x".repeat(600), "\nok\n", "x".repeat(2_000)]);

  expect(lines).toEqual(["ok"]);
  expect(complaints).toHaveLength(1);
});
