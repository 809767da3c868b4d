import { describe, expect, it } from "vitest";
import { DotEnvProblem, parseDotEnv } from "./dot-env.ts";

const valuesOf = (text: string) => Object.fromEntries(parseDotEnv(text).map(({ name, value }) => [name, value]));

describe("a .env file", () => {
  it.each([
    ["plain values", "A=1\nB = two words \n", { A: "1", B: "two words" }],
    ["comments", "# one\nA=1 # two\nB=x#y\n", { A: "1", B: "x#y" }],
    ["export", "export A=1\n", { A: "1" }],
    ["double quotes", 'A="x\\n\\"y\\" \\$z \\q"\n', { A: 'x\n"y" $z \\q' }],
    ["single quotes", "A='x\\n $y'\n", { A: "x\\n $y" }],
    ["values over many lines", 'A="one\ntwo"\nB=1\n', { A: "one\ntwo", B: "1" }],
    ["an empty value, and no line end", "A=\nB=1", { A: "", B: "1" }],
    ["line ends of Windows, and a byte order mark", "\ufeffA=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ["a name twice", "A=1\nA=2\n", { A: "2" }],
    ["what a shell would run, which stays as it is", "A=$(rm -rf /)\nB=`x`\n", { A: "$(rm -rf /)", B: "`x`" }],
  ])("may have %s", (_, text, values) => {
    expect(valuesOf(text)).toEqual(values);
  });

  it.each([
    ["no assignment", "A=1\nsecret words\n", "line 2 is no NAME=value"],
    ["a quote that is never closed", 'A=1\n\nB="secret\nC=1\n', "the quote that line 3 opens is never closed"],
    ["words behind a quote", 'A="secret" words\n', "line 1 goes on after its closing quote"],
  ])("is refused for %s, by its line and without its text", (_, text, message) => {
    expect(() => parseDotEnv(text)).toThrow(new DotEnvProblem(message));
  });
});
