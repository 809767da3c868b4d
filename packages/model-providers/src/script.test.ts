import { describe, expect, it } from "vitest";
import { parseScript, ScriptProblem } from "./script.ts";

it("reads turns from YAML, with ids that follow from their place", () => {
  const script = parseScript(`
turns:
  - text: |
      two
      lines
    delayMs: 5
    toolCalls:
      - name: read
        arguments: { path: a.txt, n: 1 }
      - { id: mine, name: raw, arguments: "{oops" }
  - error: { status: 429, message: slow down, retryAfterMs: 1500 }
  - text: ""
`);

  expect(script.turns).toEqual([
    {
      text: "two\nlines\n",
      delayMs: 5,
      toolCalls: [
        { id: "call_0_0", name: "read", arguments: '{"path":"a.txt","n":1}' },
        { id: "mine", name: "raw", arguments: "{oops" },
      ],
      error: undefined,
    },
    { text: "", delayMs: 0, toolCalls: [], error: { status: 429, message: "slow down", retryAfterMs: 1500 } },
    { text: "", delayMs: 0, toolCalls: [], error: undefined },
  ]);
});

it("reads JSON too", () => {
  expect(parseScript('{"turns":[{"text":"hi"}]}').turns).toMatchObject([{ text: "hi" }]);
});

describe("refuses", () => {
  it.each([
    ["turns:\n  - text: [a", /^line 2, column 13: /],
    ["turns: []\nturns: []", /^line 2, column 1: /],
    ["turns: []\n---\nturns: []", /^line 2, column 1: /],
    ["", /^the script: must be a map/],
    ["- text: a", /^the script: must be a map/],
    ["turn: []", /^turn: unknown key/],
    ["turns: 3", /^turns: must be a list/],
    ["turns: [a]", /^turns\[0\]: must be a map/],
    ["turns: [{}]", /^turns\[0\]: needs text/],
    ["turns: [{text: a}, {text: a, tool_calls: []}]", /^turns\[1\]\.tool_calls: unknown key/],
    ["turns: [{toolCalls: [{name: a, arguments: {}, args: {}}]}]", /^turns\[0\]\.toolCalls\[0\]\.args: unknown key/],
    ["turns: [{toolCalls: [{arguments: {}}]}]", /^turns\[0\]\.toolCalls\[0\]\.name: must be text/],
    ["turns: [{toolCalls: [{name: a}]}]", /^turns\[0\]\.toolCalls\[0\]\.arguments: must be/],
    ["turns: [{toolCalls: [{name: a, arguments: []}]}]", /^turns\[0\]\.toolCalls\[0\]\.arguments: must be/],
    ["turns: [{toolCalls: [{id: a, name: a, arguments: ''}, {id: a, name: a, arguments: ''}]}]", /same id/],
    ["turns: [{text: 1}]", /^turns\[0\]\.text: must be text/],
    ["turns: [{text: a, delayMs: -1}]", /^turns\[0\]\.delayMs: must be a whole number/],
    ["turns: [{error: {status: 200}}]", /^turns\[0\]\.error\.status: must be 400 to 599/],
    ["turns: [{error: {code: 5}}]", /^turns\[0\]\.error\.code: unknown key/],
    ["turns: [{text: a, error: {}}]", /^turns\[0\]: a turn with an error/],
    [
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [${Array(9).fill("*a")}]\nc: &c [${Array(9).fill("*b")}]\nturns: [${Array(9).fill("*c")}]`,
      /aliases/,
    ],
  ])("%j", (source, problem) => {
    expect(() => parseScript(source)).toThrow(ScriptProblem);
    expect(() => parseScript(source)).toThrow(problem);
  });
});
