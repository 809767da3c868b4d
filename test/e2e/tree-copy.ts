import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./harness.ts";

/** The sources in a folder of their own, which a test may change: nothing generated or built, everything installed. */
export interface TreeCopy extends AsyncDisposable {
  readonly root: string;
  /** Runs a program there, as in a terminal; rejects where it fails, with what it said. */
  run(program: string, ...args: readonly string[]): Promise<string>;
}

const LEFT_OUT = new Set([".git", ".tools", ".gen", "dist", "gen", "node_modules", "out"]);
const LIMIT_MS = 60_000;

/**
 * Copies the sources. Libraries and the tool chain are linked, so that nothing is installed; packages of the workspace
 * find one another inside the copy.
 */
export async function copyTree(): Promise<TreeCopy> {
  const root = await mkdtemp(join(tmpdir(), "stigmer-tree-"));
  const remove = (): Promise<void> => rm(root, { recursive: true, force: true });
  await fill(root).catch(async (cause) => {
    await remove();
    throw cause;
  });
  return {
    root,
    async run(program, ...args) {
      const options = { cwd: root, env: environment(root), timeout: LIMIT_MS };
      const ended = promisify(execFile)(program, args, options);
      const { stdout } = await ended.catch((cause: Error & { readonly stdout: string; readonly stderr: string }) => {
        throw new Error(`${program} ${args.join(" ")}: ${cause.stdout}${cause.stderr}`, { cause });
      });
      return stdout;
    },
    [Symbol.asyncDispose]: remove,
  };
}

async function fill(root: string): Promise<void> {
  await cp(ROOT, root, {
    recursive: true,
    preserveTimestamps: true,
    filter: (source) => source === ROOT || !LEFT_OUT.has(basename(source)),
  });
  await Promise.all([linkLibraries(root), linkPackages(root), symlink(join(ROOT, ".tools"), join(root, ".tools"))]);
}

/** A folder of its own with links, as make looks at the age of what lies in it. */
async function linkLibraries(root: string): Promise<void> {
  await mkdir(join(root, "node_modules"));
  const entries = (await readdir(join(ROOT, "node_modules"))).filter((entry) => entry !== ".installed");
  await Promise.all(
    entries.map((entry) => symlink(join(ROOT, "node_modules", entry), join(root, "node_modules", entry))),
  );
  await writeFile(join(root, "node_modules/.installed"), "");
}

/** A package's libraries are relative links; kept as they are, those to our own packages lead to the copy's. */
async function linkPackages(root: string): Promise<void> {
  const manifests = await readdir(root, { recursive: true, withFileTypes: true });
  const dirs = manifests
    .filter(({ name, parentPath }) => name === "package.json" && !parentPath.includes("node_modules"))
    .map(({ parentPath }) => relative(root, parentPath))
    .filter((dir) => dir !== "" && existsSync(join(ROOT, dir, "node_modules")));
  await Promise.all(
    dirs.map((dir) =>
      cp(join(ROOT, dir, "node_modules"), join(root, dir, "node_modules"), {
        recursive: true,
        verbatimSymlinks: true,
        filter: (source) => basename(source) !== ".bin" && !basename(source).startsWith(".vite"),
      }),
    ),
  );
}

/** What make itself passed on must not reach the make of the copy. */
function environment(root: string): NodeJS.ProcessEnv {
  const { MAKEFLAGS, MAKELEVEL, MFLAGS, NODE_OPTIONS, VITEST, ...rest } = process.env;
  return { ...rest, PATH: `${root}/.tools/node_modules/node/bin:${root}/node_modules/.bin:${process.env.PATH}` };
}
