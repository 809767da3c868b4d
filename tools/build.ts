import { chmod, copyFile, cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { listFiles } from "./list-files.ts";
import { thirdPartyNotices } from "./third-party-notices.ts";

/** Only the command line loads parts of itself late, so that a command starts with what it needs. */
const PROGRAMS = [
  { name: "stigmer", entry: "cmd/stigmer/src/main.ts", splitting: true },
  { name: "stigmer-daemon", entry: "cmd/stigmer-daemon/src/main.ts", splitting: false },
  { name: "stigmer-runner", entry: "runners/typescript/src/main.ts", splitting: false },
  { name: "conformance", entry: "test/conformance/src/main.ts", splitting: false },
];

/** Files that the conformance suite reads; it carries them with it. */
const BUNDLED = ["examples/resources/*.yaml", "test/conformance/known-failures.yaml"];

/** What a CommonJS module expects to find around it. */
const COMMON_JS = `import { createRequire as createRequireHere } from "node:module";
const require = createRequireHere(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;`;

/**
 * Bundles the programs into `dist/lib`, with what they need beside them, and writes the launcher `dist/bin/stigmer`.
 * What was built before stays until all of it has succeeded.
 */
export async function buildPrograms(root: string, programs = PROGRAMS): Promise<void> {
  const next = join(root, "dist/.next");
  await rm(next, { recursive: true, force: true });
  const bundled = JSON.stringify(await readBundled(root));
  const inputs = await Promise.all(
    programs.map(async ({ name, entry, splitting }) => {
      const options = optionsFor({ root, lib: join(next, "lib"), splitting, bundled });
      const { metafile } = await build({ ...options, entryPoints: { [name]: entry } });
      return Object.keys(metafile?.inputs ?? {});
    }),
  );
  await copyNative(root, join(next, "lib"));
  await writeFile(join(next, "lib/THIRD-PARTY-NOTICES.txt"), await thirdPartyNotices(root, inputs.flat()));
  await copyFile(join(root, "LICENSE"), join(next, "lib/LICENSE"));
  await writeLauncher(root, join(next, "bin"));
  await replace(join(root, "dist"), next);
}

/** Texts by path, for `BUNDLED_FILES` in the suite. */
async function readBundled(root: string): Promise<Readonly<Record<string, string>>> {
  const files = await listFiles(root, BUNDLED);
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file, await readFile(join(root, file), "utf8")] as const)),
  );
}

type Output = {
  readonly root: string;
  readonly lib: string;
  readonly splitting: boolean;
  readonly bundled: string;
};

function optionsFor(of: Output): BuildOptions {
  return {
    absWorkingDir: of.root,
    outdir: of.lib,
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunks/[name]-[hash]",
    splitting: of.splitting,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node22",
    banner: { js: COMMON_JS },
    define: { BUNDLED_FILES: of.bundled },
    sourcemap: "linked",
    sourcesContent: false,
    plugins: [evaluated, withoutSubcommandPrograms],
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  };
}

/** A module `*.build.ts` exports plain data that takes long to make: the bundle holds the data, and not what makes it. */
const evaluated: Plugin = {
  name: "evaluated",
  setup({ onLoad }) {
    onLoad({ filter: /\.build\.ts$/ }, async ({ path }) => {
      const values: Record<string, unknown> = await import(pathToFileURL(path).href);
      const lines = Object.entries(values).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`);
      return { contents: lines.join("\n"), loader: "js" };
    });
  },
};

/** Commander can start subcommands that are programs of their own. Nothing here does, and what starts processes loads slowly. */
const withoutSubcommandPrograms: Plugin = {
  name: "without-subcommand-programs",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes("/commander/") ? { path: "no-programs", namespace: "none" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "export default {};", loader: "js" }));
  },
};

/**
 * LevelDB's binary for this machine. The bundled loader looks for `prebuilds` in the folder that it takes for the
 * package's own, which is where the bundle lies.
 */
async function copyNative(root: string, lib: string): Promise<void> {
  const { resolve } = createRequire(join(root, "packages/store-leveldb/package.json"));
  const prebuilds = join(dirname(resolve("classic-level/package.json")), "prebuilds");
  const fitting = (await readdir(prebuilds)).filter((name) => {
    const [platform, archs = ""] = name.split("-");
    return platform === process.platform && archs.split("+").includes(process.arch);
  });
  if (fitting.length === 0) throw new Error(`classic-level has no binary for ${process.platform}-${process.arch}`);
  for (const name of fitting) await cp(join(prebuilds, name), join(lib, "prebuilds", name), { recursive: true });
}

async function writeLauncher(root: string, bin: string): Promise<void> {
  await mkdir(bin, { recursive: true });
  await copyFile(join(root, "tools/launcher.sh"), join(bin, "stigmer"));
  await chmod(join(bin, "stigmer"), 0o755);
}

async function replace(dist: string, next: string): Promise<void> {
  for (const part of await readdir(next)) {
    await rm(join(dist, part), { recursive: true, force: true });
    await rename(join(next, part), join(dist, part));
  }
  await rm(next, { recursive: true });
}

if (import.meta.main) await buildPrograms(join(import.meta.dirname, ".."));
