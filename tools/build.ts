import { chmod, copyFile, cp, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { thirdPartyNotices } from "./third-party-notices.ts";

/** Only the command line loads parts of itself late, so that a command starts with what it needs. */
const PROGRAMS = [
  { name: "stigmer", entry: "cmd/stigmer/src/main.ts", splitting: true },
  { name: "stigmer-daemon", entry: "cmd/stigmer-daemon/src/main.ts", splitting: false },
  { name: "stigmer-runner", entry: "runners/typescript/src/main.ts", splitting: false },
];

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
  const inputs = await Promise.all(
    programs.map(async ({ name, entry, splitting }) => {
      const options = optionsFor({ root, lib: join(next, "lib"), splitting });
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

function optionsFor(of: { readonly root: string; readonly lib: string; readonly splitting: boolean }): BuildOptions {
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
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  };
}

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
