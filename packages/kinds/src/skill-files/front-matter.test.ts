import { expect, it } from "vitest";
import { frontMatterOf } from "./front-matter.ts";

it.each([
  ["---\nname: notes\ndescription: How notes are written.\n---\nbody", "How notes are written."],
  ["---\r\nname: notes\r\ndescription: How notes are written.\r\n---\r\n", "How notes are written."],
  ["\uFEFF---\nname: notes\ndescription: >\n  How notes\n  are written.\n---", "How notes are written."],
  [
    '---  \nname: "notes"\nlicense: MIT\ndescription: |\n  How notes\n\n  are written.\n--- \n---\n',
    "How notes are written.",
  ],
])("reads name and description, on one line, of %j", (text, description) => {
  expect(frontMatterOf(text)).toEqual({ name: "notes", description });
});

it.each([
  ["", "begin with front matter"],
  ["# Notes", "begin with front matter"],
  ["\n---\nname: notes\ndescription: x\n---\n", "begin with front matter"],
  ["---\nname: notes\ndescription: x\n", "begin with front matter"],
  [`---\nname: notes\ndescription: ${"x".repeat(70_000)}\n---\n`, "begin with front matter"],
  ["---\nname: [notes\n---\n", "no YAML"],
  ["---\nname: a\nname: b\n---\n", "no YAML"],
  ["---\na: &a [x]\nname: *a\ndescription: x\n---\n", "aliases"],
  ["---\n- name\n---\n", "a name"],
  ["---\ndescription: x\n---\n", "a name"],
  ["---\nname: 12\ndescription: x\n---\n", "a name"],
  ["---\nname: notes\n---\n", "a description"],
  ["---\nname: notes\ndescription: '  '\n---\n", "a description"],
])("says what is wrong with %j", (text, words) => {
  expect(frontMatterOf(text)).toEqual({ problem: expect.stringContaining(words) });
});
