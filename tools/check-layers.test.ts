import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkLayers, onlyExports } from "./check-layers.ts";

const STORE = { name: "@stigmer/store", exports: { ".": "./src/index.ts" } };

async function findingsIn(files: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
  await using root = await mkdtempDisposable(join(tmpdir(), "layers-"));
  const all: Readonly<Record<string, unknown>> = {
    "pnpm-workspace.yaml": "packages: [packages/*, test/*]\n",
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    await mkdir(dirname(join(root.path, path)), { recursive: true });
    await writeFile(join(root.path, path), typeof content === "string" ? content : JSON.stringify(content));
  }
  return (await checkLayers(root.path, "layers.json")).findings;
}

/** A package `store` and one beside it, which has what is given. */
function withDriver(manifest: object, row: object = { may: ["store"] }): Readonly<Record<string, unknown>> {
  return {
    "layers.json": { store: { may: [] }, driver: row },
    "packages/store/package.json": STORE,
    "packages/store/src/index.ts": 'export { open } from "./open.ts";\n',
    "packages/driver/package.json": { name: "@stigmer/driver", exports: {}, ...manifest },
  };
}

describe("checkLayers", () => {
  it("finds nothing where every manifest keeps to its row", async () => {
    const manifest = {
      dependencies: { "@stigmer/store": "workspace:*", "classic-level": "1" },
      devDependencies: { "fast-check": "1" },
    };

    const findings = await findingsIn(withDriver(manifest, { may: ["store"], external: ["classic-level"] }));

    expect(findings).toEqual([]);
  });

  it("names a package of ours that the row does not allow", async () => {
    const manifest = { dependencies: { "@stigmer/store": "workspace:*" } };

    const findings = await findingsIn(withDriver(manifest, { may: [] }));

    expect(findings).toEqual(["packages/driver/package.json: may not lean on @stigmer/store"]);
  });

  it("names a library that the row does not list, however it is depended on", async () => {
    const manifest = { dependencies: { a: "1" }, peerDependencies: { b: "1" }, optionalDependencies: { c: "1" } };

    const findings = await findingsIn(withDriver(manifest));

    expect(findings.map((finding) => finding.split(" ").at(-1))).toEqual(["a", "b", "c"]);
  });

  it("lets tests lean on no more than the row and what every test may use", async () => {
    const manifest = { devDependencies: { "memory-level": "1", "@stigmer/store": "workspace:*", sinon: "1" } };

    const findings = await findingsIn(withDriver(manifest));

    expect(findings).toEqual(["packages/driver/package.json: may not lean on sinon in its tests"]);
  });

  it("refuses a package without a row, and a row without a package", async () => {
    const { "packages/driver/package.json": _, ...files } = withDriver({});
    const newcomer = { "packages/newcomer/package.json": { name: "@stigmer/newcomer", exports: {} } };

    const findings = await findingsIn({ ...files, ...newcomer });

    expect(findings).toEqual([
      'layers.json: "driver" is no package',
      'packages/newcomer/package.json: "newcomer" has no row in the table',
    ]);
  });

  it("refuses a package without an exports map, and an export without a file", async () => {
    const findings = await findingsIn({
      ...withDriver({ exports: { "./port": { default: "./src/port.ts" } } }),
      "packages/store/package.json": { name: "@stigmer/store" },
    });

    expect(findings).toEqual([
      "packages/driver/package.json: exports ./src/port.ts, which does not exist",
      'packages/store/package.json: has no "exports" map; {} where it offers nothing',
    ]);
  });

  it("counts the source files of a package that stays small", async () => {
    const files = {
      "packages/driver/src/a.ts": "",
      "packages/driver/src/b.ts": "",
      "packages/driver/src/b.test.ts": "",
    };

    const findings = await findingsIn({ ...withDriver({}, { may: [], files: 1 }), ...files });

    expect(findings).toEqual(["packages/driver: has 2 files, and may have 1"]);
  });

  it("refuses a table that promises what nothing checks", async () => {
    await expect(findingsIn(withDriver({}, { may: [], pure: true }))).rejects.toThrow('nothing checks "pure"');
  });
});

describe("onlyExports", () => {
  it("accepts names, types and comments", () => {
    const text =
      '/** What it offers. */\nexport { a } from "./a.ts"; // one\nexport type {\n  B,\n  C as D,\n} from "./b.ts";\n';

    expect(onlyExports(text)).toBe(true);
  });

  it.each(['export * from "./a.ts";', "export const a = 1;", 'import { a } from "./a.ts";\nexport { a };'])(
    "refuses %s",
    (text) => {
      expect(onlyExports(text)).toBe(false);
    },
  );
});
