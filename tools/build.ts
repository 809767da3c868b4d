import { chmod, copyFile, cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire, isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { listFiles } from "./list-files.ts";
import { thirdPartyNotices } from "./third-party-notices.ts";

const CARRIED = ["examples/resources/*.yaml", "test/conformance/known-failures.yaml"];

type Program = {
  readonly name: string;
  readonly entry: string;
  /** Whether it loads parts of itself late, so that it starts with what it needs. */
  readonly splitting?: boolean;
  /** Patterns of the files that it reads and carries with it, as `BUNDLED_FILES`. */
  readonly carries?: readonly string[];
};

const PROGRAMS: readonly Program[] = [
  { name: "stigmer", entry: "cmd/stigmer/src/main.ts", splitting: true },
  { name: "stigmer-daemon", entry: "cmd/stigmer-daemon/src/main.ts" },
  { name: "stigmer-runner", entry: "runners/typescript/src/main.ts" },
  { name: "conformance", entry: "test/conformance/src/main.ts", carries: CARRIED },
];

/** What a CommonJS module expects to find around it. */
const COMMON_JS = `const require = globalThis.process.getBuiltinModule("node:module").createRequire(import.meta.url);
const __filename = import.meta.filename, __dirname = import.meta.dirname;`;

/** The same for a program in many files, each of which would take the time to make a `require` that finds files too. */
const COMMON_JS_OF_PARTS = "const require = globalThis.process.getBuiltinModule;";

/**
 * Bundles the programs into `dist/lib`, with what they need beside them, and writes the launcher `dist/bin/stigmer`.
 * What was built before stays until all of it has succeeded.
 */
export async function buildPrograms(root: string, programs = PROGRAMS): Promise<void> {
  const next = join(root, "dist/.next");
  await rm(next, { recursive: true, force: true });
  const inputs = await Promise.all(
    programs.map(async (program) => {
      const { metafile } = await build(await optionsFor(program, { root, lib: join(next, "lib") }));
      return Object.keys(metafile?.inputs ?? {});
    }),
  );
  await copyNative(root, join(next, "lib"));
  const keychain = await copyKeychain(root, join(next, "lib"));
  const bundled = [...inputs.flat(), ...keychain];
  await writeFile(join(next, "lib/THIRD-PARTY-NOTICES.txt"), await thirdPartyNotices(root, bundled));
  await copyFile(join(root, "LICENSE"), join(next, "lib/LICENSE"));
  await writeLauncher(root, join(next, "bin"));
  await replace(join(root, "dist"), next);
}

/** Texts by path. */
async function readAll(root: string, patterns: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const files = await listFiles(root, patterns);
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file, await readFile(join(root, file), "utf8")] as const)),
  );
}

async function optionsFor(
  { name, entry, splitting = false, carries }: Program,
  { root, lib }: { readonly root: string; readonly lib: string },
): Promise<BuildOptions> {
  return {
    absWorkingDir: root,
    entryPoints: { [name]: entry },
    outdir: lib,
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunks/[name]-[hash]",
    splitting,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node22",
    banner: { js: splitting ? COMMON_JS_OF_PARTS : COMMON_JS },
    ...(carries && { define: { BUNDLED_FILES: JSON.stringify(await readAll(root, carries)) } }),
    sourcemap: "linked",
    sourcesContent: false,
    plugins: [evaluated, withoutSubcommandPrograms, eachFileOnce, keychainBeside, builtInsByCall],
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

/**
 * Takes Node's own modules by a call. An import statement would load all that such a module can export, and so with
 * `node:http` the whole of `fetch`, with `node:fs` its promises.
 */
const builtInsByCall: Plugin = {
  name: "built-ins-by-call",
  setup({ onEnd, initialOptions: { absWorkingDir = "" } }) {
    onEnd(async ({ metafile }) => {
      const files = Object.keys(metafile?.outputs ?? {}).filter((file) => file.endsWith(".mjs"));
      for (const file of files.map((name) => join(absWorkingDir, name))) {
        await writeFile(file, takeBuiltInsByCall(await readFile(file, "utf8")));
      }
    });
  },
};

/** The same code with every import statement of a module of Node's made a call. Lines stay where they are, so that the source map stays right. */
export function takeBuiltInsByCall(code: string): string {
  return code.replace(
    /^import (\{ .* \}|\* as \S+|\S+) from\s"([^"]*)";$/gm,
    (statement, names: string, module: string) => {
      if (!isBuiltin(module)) return statement;
      const taken = names.replace(/^\* as /, "").replaceAll(" as ", ": ");
      return `const ${taken} = globalThis.process.getBuiltinModule("${module}");`;
    },
  );
}

/**
 * Protobuf's runtime makes each file's descriptor with a registry of all that the file imports, and adds a file as often as
 * there are ways to it. Once is enough, and a third of the time that the descriptors of the contract take.
 */
const eachFileOnce: Plugin = {
  name: "each-file-once",
  setup({ onLoad }) {
    const start = "addFile(file, skipTypes, withDeps) {";
    onLoad({ filter: /@bufbuild\/protobuf\/dist\/esm\/registry\.js$/ }, async ({ path }) => {
      const code = await readFile(path, "utf8");
      if (code.split(start).length !== 2) throw new Error(`${path} is not as expected`);
      const once = "if (withDeps && files.get(file.proto.name) === file) return;";
      return { contents: code.replace(start, `${start} ${once}`), loader: "js" };
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

const KEYCHAIN_FILE = "keyring.node";

/** The keychain's binary lies beside the bundle, and is loaded when it is needed. */
const keychainBeside: Plugin = {
  name: "keychain-beside",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^@napi-rs\/keyring$/ }, ({ path }) => ({ path, namespace: "beside" }));
    onLoad({ filter: /.*/, namespace: "beside" }, () => ({
      contents: `export const { AsyncEntry } = globalThis.process.getBuiltinModule("node:module")
        .createRequire(import.meta.url)("./${KEYCHAIN_FILE}");`,
      loader: "js",
    }));
  },
};

/** The keychain's binary for this machine, and the manifests of the packages that it is of; none where there is none for it. */
async function copyKeychain(root: string, lib: string): Promise<readonly string[]> {
  const { resolve } = createRequire(join(root, "packages/secrets/package.json"));
  const main = dirname(resolve("@napi-rs/keyring/package.json"));
  const builds = (await readdir(dirname(main))).filter((name) =>
    name.startsWith(`keyring-${process.platform}-${process.arch}`),
  );
  const [build] = builds.filter((name) => !name.endsWith("-musl") || builds.length === 1);
  if (build === undefined) return [];
  const folder = join(dirname(main), build);
  const binary = (await readdir(folder)).find((name) => name.endsWith(".node"));
  if (binary === undefined) throw new Error(`${build} has no binary`);
  await copyFile(join(folder, binary), join(lib, KEYCHAIN_FILE));
  return [main, folder].map((dir) => relative(root, join(dir, "package.json")));
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
