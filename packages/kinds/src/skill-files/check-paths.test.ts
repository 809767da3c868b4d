import { create } from "@bufbuild/protobuf";
import { SkillFileSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { pathViolations } from "./check-paths.ts";

it("takes paths that no file system confuses", () => {
  expect(check("SKILL.md", "docs/a.md", "docs/b.md", "docs.md", "a/docs/a.md", "größe.md")).toEqual([]);
});

it.each([
  ["letter case", ["SKILL.md", "docs/A.md", "docs/a.md"]],
  ["letter case in a folder", ["SKILL.md", "Docs/a.md", "docs/a.md"]],
  ["the form of its Unicode", ["SKILL.md", "caf\u00e9", "cafe\u0301"]],
  ["being the folder of another", ["SKILL.md", "docs/a.md", "docs"]],
  ["being the folder of another in other letters", ["SKILL.md", "Docs/a/b.md", "docs/A"]],
])("refuses a path that differs in %s", (_, paths) => {
  expect(check(...paths)).toMatchObject([{ field: "spec.files[2].path" }]);
});

function check(...paths: readonly string[]) {
  return pathViolations(paths.map((path) => create(SkillFileSchema, { path })));
}
