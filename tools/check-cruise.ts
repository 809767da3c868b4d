import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import { cruiseRules } from "./cruise-rules.ts";
import { closeCheck, type Findings } from "./findings.ts";
import { readLayers } from "./layers.ts";
import { listFiles } from "./list-files.ts";
import { listPackages } from "./workspace.ts";

const FIXTURE = "tools/fixtures/layers";

/**
 * Compares imports with the table: what a manifest can't say, such as cycles, ways past an exports map, one entry of a
 * package, built-ins where a browser has none. Proves that it looks: every file must have been parsed, and what is
 * planted below `tools/fixtures/layers` must be found.
 */
export async function checkCruise(root: string): Promise<Findings> {
  const [here, planted] = await Promise.all([cruiseTree(root, "tools/layers.json"), checkPlanted(join(root, FIXTURE))]);
  return {
    findings: [...planted, ...here.unseen, ...here.violations.map(({ rule, text }) => `${rule}: ${text}`)],
    looked: `${here.modules} modules, ${here.imports} imports`,
  };
}

type Violation = { readonly rule: string; readonly from: string; readonly text: string };
type Cruised = {
  readonly modules: number;
  readonly imports: number;
  readonly violations: readonly Violation[];
  /** One line for each file that was not read, and for each import that was not seen. */
  readonly unseen: readonly string[];
};

async function cruiseTree(root: string, tablePath: string): Promise<Cruised> {
  const [table, packages] = await Promise.all([readLayers(root, tablePath), listPackages(root)]);
  const files = await listFiles(
    root,
    packages.map(({ dir }) => `${dir}/**/*.ts`),
  );
  const { output } = await cruise(
    [...files],
    {
      baseDir: root,
      ruleSet: { forbidden: [...cruiseRules(table, packages)] },
      validate: true,
      doNotFollow: { path: ["node_modules/", "^packages/contracts/gen/"] },
      tsPreCompilationDeps: true,
      combinedDependencies: false,
    },
    { exportsFields: ["exports"], conditionNames: ["import", "node", "default"], extensions: [".ts", ".mjs", ".js"] },
  );
  if (typeof output === "string") throw new Error("dependency-cruiser answered with text");
  return readResult(output, await textsOf(root, files));
}

async function textsOf(root: string, files: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return new Map(
    await Promise.all(files.map(async (file) => [file, await readFile(join(root, file), "utf8")] as const)),
  );
}

function readResult({ modules, summary }: ICruiseResult, texts: ReadonlyMap<string, string>): Cruised {
  const seen = new Map(modules.map((module) => [module.source, module.dependencies.map((found) => found.module)]));
  const unseen = [...texts].flatMap(([file, text]) =>
    [...importedNames(text)]
      .filter((name) => !seen.get(file)?.includes(name.replace(/^node:/, "")))
      .map((name) => `${file}: its import of ${name} was not seen`),
  );
  const missed = [...texts.keys()].filter((file) => !seen.has(file)).map((file) => `${file}: was not read`);
  return {
    modules: texts.size - missed.length,
    imports: [...texts.keys()].reduce((sum, file) => sum + (seen.get(file)?.length ?? 0), 0),
    violations: summary.violations.map((violation) => ({
      rule: violation.rule.name,
      from: violation.from,
      text: [violation.from, ...(violation.cycle ?? violation.via ?? [{ name: violation.to }]).map(({ name }) => name)]
        .filter((name) => name !== undefined)
        .join(" -> "),
    })),
    unseen: [...missed, ...unseen],
  };
}

/** A second opinion on what a file imports, which shows what the parser does not. */
function importedNames(text: string): ReadonlySet<string> {
  const found = text.matchAll(/^(?:import|export)\b[^;"'`=]*\bfrom "([^"]+)"/gm);
  return new Set(Array.from(found, ([, name = ""]) => name));
}

/** A file of the fixture says in its first line what it breaks; exactly that must be reported. */
async function checkPlanted(root: string): Promise<readonly string[]> {
  const [{ violations, unseen }, files] = await Promise.all([
    cruiseTree(root, "layers.json"),
    listFiles(root, ["packages/**/*.ts"]),
  ]);
  const texts = await textsOf(root, files);
  const expected = [...texts].flatMap(([file, text]) =>
    (/^\/\/ planted: (.*)/.exec(text)?.[1] ?? "").split(" ").flatMap((rule) => (rule ? [`${rule} in ${file}`] : [])),
  );
  const found = new Set(violations.map(({ rule, from }) => `${rule} in ${from}`));
  if (expected.length === 0) return [`${FIXTURE}: nothing is planted there`];
  return [
    ...unseen.map((finding) => `${FIXTURE}/${finding}`),
    ...expected.filter((planted) => !found.has(planted)).map((planted) => `${FIXTURE}: did not see ${planted}`),
    ...[...found].filter((seen) => !expected.includes(seen)).map((seen) => `${FIXTURE}: saw ${seen}, not planted`),
  ];
}

if (import.meta.main) await closeCheck("cruise", checkCruise(join(import.meta.dirname, "..")));
