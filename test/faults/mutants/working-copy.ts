import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { edited, type Mutant } from "./mutant.ts";

/** The sources in a folder of their own, to be changed and put back. */
export interface WorkingCopy extends AsyncDisposable {
  readonly dir: string;
  /** Runs with the mutant's edits made; afterwards the sources are as they were. */
  as<T>(mutant: Mutant, run: () => Promise<T>): Promise<T>;
}

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** All that the tests beside the sources and the simulation read. */
const PARTS = [
  ...["packages", "cmd/stigmer-daemon", "sdk", "runners", "test/faults", "test/e2e", "tools/tally.ts"],
  ...["tools/tally-reporter.ts", "vitest.config.ts", "package.json", "tsconfig.json", "tsconfig.base.json"],
];
const BUILT = /\/(dist|\.vite)(\/|$)/;

export async function copySources(): Promise<WorkingCopy> {
  const dir = await mkdtemp(join(tmpdir(), "stigmer-mutants-"));
  for (const part of PARTS) {
    await mkdir(dirname(join(dir, part)), { recursive: true });
    const filter = (path: string): boolean => !BUILT.test(path.slice(ROOT.length));
    await cp(join(ROOT, part), join(dir, part), { recursive: true, verbatimSymlinks: true, filter });
  }
  await linkModules(dir);
  return {
    dir,
    as: (mutant, run) => mutated(dir, mutant, run),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

/** The folder itself is the copy's own: what the tests' runner keeps there must not be shared. */
async function linkModules(dir: string): Promise<void> {
  const modules = join(ROOT, "node_modules");
  await mkdir(join(dir, "node_modules"));
  const names = (await readdir(modules)).filter((name) => !name.startsWith(".v") && name !== ".cache");
  for (const name of names) await symlink(join(modules, name), join(dir, "node_modules", name));
}

async function mutated<T>(dir: string, mutant: Mutant, run: () => Promise<T>): Promise<T> {
  const originals = new Map<string, string>();
  try {
    for (const edit of mutant.edits) {
      const path = join(dir, edit.file);
      const text = await readFile(path, "utf8");
      if (!originals.has(path)) originals.set(path, text);
      await writeFile(path, edited(text, edit));
    }
    return await run();
  } finally {
    for (const [path, text] of originals) await writeFile(path, text);
  }
}
