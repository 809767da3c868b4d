import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { closeCheck, type Findings } from "./findings.ts";
import { checkLifeCycle, writeLifeCycle } from "./life-cycle-table.ts";
import { listFiles } from "./list-files.ts";
import { referencePages } from "./reference/reference-pages.ts";

const REFERENCE = "docs/reference";

/** Writes the reference anew; pages of what is gone go too. */
async function writeReference(root: string): Promise<Findings> {
  const pages = await referencePages(root);
  for (const path of await strayPages(root, pages)) await rm(join(root, REFERENCE, path));
  for (const [path, text] of pages) {
    await mkdir(dirname(join(root, REFERENCE, path)), { recursive: true });
    await writeFile(join(root, REFERENCE, path), text);
  }
  return { findings: [], looked: `${pages.size} pages written` };
}

/** Compares the reference as it is with what would be written, and writes nothing. */
export async function checkReference(root: string): Promise<Findings> {
  const pages = await referencePages(root);
  const compared = await Promise.all(
    [...pages].map(async ([path, text]) => {
      const found = await readFile(join(root, REFERENCE, path), "utf8").catch(() => undefined);
      if (found === text) return [];
      return [`${REFERENCE}/${path}: ${found === undefined ? "is missing" : "is not up to date"}; make gen-docs`];
    }),
  );
  const stray = (await strayPages(root, pages)).map((path) => `${REFERENCE}/${path}: describes nothing; make gen-docs`);
  return { findings: [...compared.flat(), ...stray], looked: `${pages.size} pages` };
}

async function strayPages(root: string, pages: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const files = await listFiles(join(root, REFERENCE), ["**/*.md"]);
  return files.filter((path) => !pages.has(path));
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const isCheck = process.argv.includes("--check");
  await closeCheck("reference", isCheck ? checkReference(root) : writeReference(root));
  await closeCheck("guide", isCheck ? checkLifeCycle(root) : writeLifeCycle(root));
}
