import { glob } from "node:fs/promises";
import { basename, sep } from "node:path";

/** What was brought, generated or built; and layouts that are wrong on purpose. */
const LEFT_OUT = new Set(["node_modules", "gen", "dist", "fixtures", ".tools", ".gen", ".git"]);

/** Our own files below `root` that match a pattern, in order, with `/` between folders. */
export async function listFiles(root: string, patterns: readonly string[]): Promise<readonly string[]> {
  const options = { cwd: root, exclude: (entry: string) => LEFT_OUT.has(basename(entry)) };
  const found = new Set<string>();
  for await (const file of glob([...patterns], options)) found.add(file.split(sep).join("/"));
  return [...found].sort();
}
