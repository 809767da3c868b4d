import { expect, it } from "vitest";
import { patternOf } from "./pattern.ts";

it.each([
  "(a+)+$", // a group that is repeated
  "(a|b)*",
  "(?i)a",
  "(?:a)",
  "\\d+",
  "\\pL",
  "[[:alpha:]]",
  "[a-z&&b]",
  "a*?",
  "a++",
  "a{1000}{1000}",
  "*a",
  "a)",
  "[a",
  "\\",
])("does not take %j, which RE2 or speed may see otherwise", (source) => {
  expect(patternOf(source)).toBeUndefined();
});

it.each([
  ["^.$", "\r", true],
  ["^.$", "\u2028", true],
  ["^.$", "\n", false],
  ["^.$", "😀", true],
  ["^a$", "a\n", false],
  ["^(a|b)?c$", "bc", true],
  ["^[^\\r\\n\\x00]*$", "a\0", false],
  ["^x{2,3}$", "xxxx", false],
])("takes %j, and reads %j as RE2 does", (source, text, answer) => {
  expect(patternOf(source)?.test(text)).toBe(answer);
});
