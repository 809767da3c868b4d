import { builtinModules } from "node:module";
import type { IForbiddenRuleType } from "dependency-cruiser";
import { type Layers, type Row, splitEntry } from "./layers.ts";
import { entryFile, type Package } from "./workspace.ts";

/** Files that only tests load: tests, the suites and fakes they share, and everything below `test/`. */
const TEST_FILE = "[.](test|test-d|suite|fake)[.]ts$|/testsuite[.]ts$|^test/";
const ANY_PACKAGE = "^(?:packages|cmd|sdk|runners|test|examples/projects)/[^/]+/|^tools/";
const BUILT_IN = `^(?:node:)?(?:${builtinModules.join("|")})$`;

/** The table as rules about modules, and those that hold for every package alike. */
export function cruiseRules(table: Layers, packages: readonly Package[]): readonly IForbiddenRuleType[] {
  const world = { table, packages };
  const perPackage = packages.flatMap((pkg) => packageRules(pkg, table[pkg.key] ?? { may: [] }, world));
  return [...GENERAL, ...perPackage].map((rule) => ({ ...rule, severity: "error" }));
}

const GENERAL: readonly IForbiddenRuleType[] = [
  { name: "no-cycle", from: {}, to: { circular: true } },
  // A deep import past an exports map does not resolve either.
  { name: "resolves", from: {}, to: { couldNotResolve: true } },
  {
    name: "stays-inside",
    from: { path: `(${ANY_PACKAGE})` },
    to: { dependencyTypes: ["local"], pathNot: "^$1" },
  },
  {
    name: "declared",
    from: { pathNot: `${TEST_FILE}|^tools/` },
    to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
  },
  {
    name: "declared-in-test",
    from: { path: TEST_FILE },
    to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"], pathNot: "/node_modules/vitest/" },
  },
  { name: "not-for-tests-only", from: { pathNot: TEST_FILE }, to: { dependencyTypes: ["npm-dev"] } },
  { name: "no-test-file", from: { pathNot: `${TEST_FILE}|^tools/` }, to: { path: TEST_FILE } },
];

type World = { readonly table: Layers; readonly packages: readonly Package[] };

function packageRules(pkg: Package, row: Row, world: World): readonly IForbiddenRuleType[] {
  const inside = `^${pkg.dir}/`;
  const allowed = row.may.map((name) => pathOf(name, world));
  const inTests = ["test/standins", ...(row.tests ?? [])].map((name) => pathOf(name, world));
  return [
    {
      name: `layers:${pkg.key}`,
      from: { path: inside, pathNot: TEST_FILE },
      to: { path: ANY_PACKAGE, pathNot: [inside, ...allowed] },
    },
    {
      name: `layers-in-test:${pkg.key}`,
      from: { path: `(?=${inside})(?=.*(?:${TEST_FILE}))` },
      to: { path: ANY_PACKAGE, pathNot: [inside, ...allowed, ...inTests] },
    },
    ...browserRules(pkg, row),
  ];
}

/** What a row's word allows, as a pattern over paths; a name that is not ours allows nothing here. */
function pathOf(name: string, { table, packages }: World): string {
  const { key, entry } = splitEntry(name, table);
  const pkg = packages.find((candidate) => candidate.key === key);
  if (pkg === undefined) return "^$";
  return entry === undefined ? `^${pkg.dir}/` : `^${entryFile(pkg, entry) ?? ""}$`;
}

function browserRules(pkg: Package, { browser }: Row): readonly IForbiddenRuleType[] {
  if (browser === undefined) return [];
  const name = `browser:${pkg.key}`;
  const inside = { path: `^${pkg.dir}/`, pathNot: TEST_FILE };
  if (browser === true) return [{ name, from: inside, to: { dependencyTypes: ["core"] } }];
  const entries = browser.map((entry) => `^${entryFile(pkg, entry) ?? ""}$`);
  return [{ name, from: { path: entries }, to: { path: BUILT_IN, reachable: true } }];
}
