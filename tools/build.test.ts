import { expect, it } from "vitest";
import { takeBuiltInsByCall } from "./build.ts";

it.each([
  ['import { join as join2, sep } from "node:path";', "const { join: join2, sep } = "],
  ['import * as zlib from "zlib";', "const zlib = "],
  ['import http from "node:http";', "const http = "],
])("takes what %s names by a call", (statement, start) => {
  const module = statement.split('"')[1];

  expect(takeBuiltInsByCall(statement)).toBe(`${start}globalThis.process.getBuiltinModule("${module}");`);
});

it.each(['import { a } from "./chunks/a.mjs";', '  import { join } from "node:path";'])("leaves %s", (line) => {
  expect(takeBuiltInsByCall(line)).toBe(line);
});

it("leaves every line where it stands", () => {
  const code = 'import { join } from "node:path";\nimport { sep } from "node:path";\nlater();\n';

  expect(takeBuiltInsByCall(code).split("\n")[2]).toBe("later();");
});
