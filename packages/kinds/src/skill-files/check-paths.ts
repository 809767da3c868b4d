import type { Violation } from "@stigmer/base";
import type { SkillFile } from "@stigmer/contracts/agentic";

/** What is wrong with the files' paths: what some file system could not hold, or would take for another of them. */
export function pathViolations(files: readonly SkillFile[]): readonly Violation[] {
  const seen = new Map<string, string>();
  const folders = new Set(files.flatMap(({ path }) => parentsOf(folded(path))));
  return files.flatMap(({ path }, at) => {
    const field = `spec.files[${at}].path`;
    const twin = seen.get(folded(path));
    if (twin !== undefined) return [{ field, description: `differs from ${twin} in letter case alone` }];
    seen.set(folded(path), path);
    return folders.has(folded(path)) ? [{ field, description: "is the folder of another file too" }] : [];
  });
}

/** One form for all that file systems hold to be the same name. */
function folded(path: string): string {
  return path.normalize("NFC").toLowerCase().normalize("NFC");
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join("/"));
}
