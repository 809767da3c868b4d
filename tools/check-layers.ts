import { access, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { closeCheck, type Findings } from "./findings.ts";
import { type Layers, type Row, readLayers, splitEntry } from "./layers.ts";
import { listFiles } from "./list-files.ts";
import { listPackages, type Package } from "./workspace.ts";

/** What the tests of every package may lean on: stand-ins for vendors, property tests, LevelDB in memory. */
const ANY_TEST = ["test/standins", "fast-check", "memory-level"];

/**
 * Compares every manifest with the table: each dependency must be in the package's row, a development dependency in its
 * row or among what tests may use. A package has an `exports` map whose files exist (an example, which nobody imports,
 * needs none), and each `index.ts` only exports.
 * Does not look at imports; `check-cruise.ts` does.
 */
export async function checkLayers(root: string, tablePath: string): Promise<Findings> {
  const [table, packages] = await Promise.all([readLayers(root, tablePath), listPackages(root)]);
  const keys = new Set(packages.map(({ key }) => key));
  const stale = Object.keys(table).filter((key) => !keys.has(key));
  const perPackage = await Promise.all(packages.map((pkg) => checkPackage(pkg, { root, table, packages })));
  return {
    findings: [...stale.map((key) => `${tablePath}: "${key}" is no package`), ...perPackage.flat()],
    looked: `${packages.length} packages`,
  };
}

type World = { readonly root: string; readonly table: Layers; readonly packages: readonly Package[] };

async function checkPackage(pkg: Package, world: World): Promise<readonly string[]> {
  const manifest = join(pkg.dir, "package.json");
  const row = world.table[pkg.key];
  if (row === undefined) return [`${manifest}: "${pkg.key}" has no row in the table`];
  const missing = await missingExports(pkg, world.root);
  return [
    ...[...dependencyFindings(pkg, row, world), ...missing].map((finding) => `${manifest}: ${finding}`),
    ...(await sourceFindings(pkg, row, world.root)),
  ];
}

/** Every dependency that the row does not allow. */
export function dependencyFindings(
  { manifest }: Package,
  row: Row,
  { table, packages }: Pick<World, "table" | "packages">,
): readonly string[] {
  const keyOf = new Map(packages.map(({ key, manifest: { name } }) => [name, key]));
  const allowed = new Set([...row.may.map((name) => splitEntry(name, table).key), ...(row.external ?? [])]);
  const inTests = new Set([...allowed, ...ANY_TEST, ...(row.tests ?? [])]);
  const names = (group: Readonly<Record<string, string>> = {}) => Object.keys(group);
  const needed = [manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies].flatMap(names);
  return [
    ...needed.filter((name) => !allowed.has(keyOf.get(name) ?? name)).map((name) => `may not lean on ${name}`),
    ...names(manifest.devDependencies)
      .filter((name) => !inTests.has(keyOf.get(name) ?? name) && !name.startsWith("@types/"))
      .map((name) => `may not lean on ${name} in its tests`),
  ];
}

async function missingExports({ dir, manifest }: Package, root: string): Promise<readonly string[]> {
  const { exports } = manifest;
  if (exports === undefined && dir.startsWith("examples/")) return [];
  if (typeof exports !== "object" || exports === null) return ['has no "exports" map; {} where it offers nothing'];
  const files = targetsOf(exports);
  const there = await Promise.all(files.map((file) => exists(join(root, dir, file))));
  return files.filter((_, at) => !there[at]).map((file) => `exports ${file}, which does not exist`);
}

function targetsOf(target: unknown): readonly string[] {
  if (typeof target === "string") return [target];
  return typeof target === "object" && target !== null ? Object.values(target).flatMap(targetsOf) : [];
}

async function sourceFindings({ dir }: Package, row: Row, root: string): Promise<readonly string[]> {
  const files = await listFiles(root, [`${dir}/**/*.ts`]);
  const indexes = files.filter((file) => basename(file) === "index.ts");
  const texts = await Promise.all(indexes.map((file) => readFile(join(root, file), "utf8")));
  const sources = files.filter((file) => !file.endsWith(".test.ts") && !indexes.includes(file));
  const tooMany = row.files !== undefined && sources.length > row.files;
  return [
    ...indexes.filter((_, at) => !onlyExports(texts[at] ?? "")).map((file) => `${file}: does more than list exports`),
    ...(tooMany ? [`${dir}: has ${sources.length} files, and may have ${row.files}`] : []),
  ];
}

/** Whether the text is nothing but `export { … } from "…"` and comments. */
export function onlyExports(text: string): boolean {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
  return code.replaceAll(/export\s+(?:type\s+)?\{[^{}]*\}\s+from\s+"[^"]+"\s*;/g, "").trim() === "";
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

if (import.meta.main) await closeCheck("layers", checkLayers(join(import.meta.dirname, ".."), "tools/layers.json"));
