import { expect, it } from "vitest";
import { createLogLines } from "./log-lines.ts";
import { createMasker } from "./masker.ts";

const SECRET = "tok-3f9a8b7c6d5e";

function reading(longestLine = 100) {
  const lines: string[] = [];
  const masker = createMasker([SECRET]);
  const logs = createLogLines({ masker, longestLine, onLine: (line) => void lines.push(line) });
  return { lines, logs };
}

it("hands on a line once it has ended, wherever it was cut, and no empty ones", () => {
  const { lines, logs } = reading();
  const bytes = Buffer.from("première\n\r\n\nseconde\nthird");

  for (const byte of bytes) logs.push(Buffer.from([byte]));

  expect(lines).toEqual(["première", "seconde"]);
});

it("finds a secret that was cut in two", () => {
  const { lines, logs } = reading();

  logs.push(Buffer.from(`token: ${SECRET.slice(0, 5)}`));
  logs.push(Buffer.from(`${SECRET.slice(5)}\n`));

  expect(lines).toEqual(["token: ***"]);
});

it("finds a secret in base64 that goes on over lines, wherever the pieces end", () => {
  const { lines, logs } = reading();
  const encoded = Buffer.from(`${"x".repeat(40)}${SECRET}`).toString("base64");

  const written = `key:\n${encoded.slice(0, 64)}\r\n${encoded.slice(64)}\nnext\n`;
  for (const byte of Buffer.from(written)) logs.push(Buffer.from([byte]));

  expect(lines).toEqual(["key:", expect.stringMatching(/^(eHh4)+eH\*\*\*U=$/), "next"]);
});

it("hands on what it held back when nothing more comes, and nothing of a secret that was cut off", () => {
  const { lines, logs } = reading();

  logs.push(Buffer.from("one\ntwo"));
  logs.end();
  logs.push(Buffer.from(`token: ${SECRET.slice(0, 9)}`));
  logs.end();
  logs.end();

  expect(lines).toEqual(["one", "two", "token: ***"]);
});

it("shows the beginning of a line that is too long, and nothing of a secret where it ends", () => {
  const { lines, logs } = reading(10);
  const long = Buffer.from(`${SECRET} ${"x".repeat(1_000_000)}`);

  logs.push(long);
  logs.push(Buffer.from("\nshort\n"));

  expect(lines).toEqual(["*** xxxxx…", "short"]);
});

it("keeps the end of it, without secrets, a line that has not ended included", () => {
  const { logs } = reading();

  logs.push(Buffer.from(`${"noise\n".repeat(10_000)}last ${SECRET}\nand ${SECRET.slice(0, 9)}`));

  expect(logs.tail()).toMatch(/noise\nlast \*\*\*\nand \*\*\*$/);
  expect(logs.tail().length).toBeLessThanOrEqual(4 * 1024);
});
