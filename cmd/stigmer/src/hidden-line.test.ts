import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { type HidableInput, readHiddenLine } from "./hidden-line.ts";

const { signal } = new AbortController();

function terminal() {
  const raw: boolean[] = [];
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) });
  return { input: input as HidableInput & PassThrough, raw };
}

it("reads a line while nothing of it is shown, and shows what is written afterwards", async () => {
  const { input, raw } = terminal();
  const line = readHiddenLine(input, signal);
  input.write("sec");
  input.write("ret\r");

  expect([await line, raw]).toEqual(["secret", [true, false]]);
});

it.each([
  ["what was erased", "secrex\u007ft\r", "secret"],
  ["a line that was erased", "wrong\u0015secret\n", "secret"],
  ["letters of several bytes", "pä😀\u007fß\r", "päß"],
])("takes %s for what it is", async (_, keys, expected) => {
  const { input } = terminal();
  const line = readHiddenLine(input, signal);
  input.write(keys);

  expect(await line).toBe(expected);
});

it.each([
  ["Ctrl-C", "half\u0003"],
  ["Ctrl-D", "\u0004"],
])("ends without a line at %s, and shows again what is written", async (_, keys) => {
  const { input, raw } = terminal();
  const line = readHiddenLine(input, signal);
  input.write(keys);

  expect([await line, raw.at(-1)]).toEqual([undefined, false]);
});

it("ends without a line where the input ends, and where the signal aborts", async () => {
  const [one, two] = [terminal(), terminal()];
  const abort = new AbortController();
  const lines = [readHiddenLine(one.input, signal), readHiddenLine(two.input, abort.signal)];
  one.input.end();
  abort.abort();

  expect([await Promise.all(lines), one.raw.at(-1), two.raw.at(-1)]).toEqual([[undefined, undefined], false, false]);
});
