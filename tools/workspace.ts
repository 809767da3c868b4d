import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { listFiles } from "./list-files.ts";

/** As much of a `package.json` as the checks look at. */
export type Manifest = {
  readonly name: string;
  readonly exports?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

export type Package = {
  /** What the table calls it: the folder's name for what lies in `packages/`, its path for the rest. */
  readonly key: string;
  /** Its folder, from the root. */
  readonly dir: string;
  readonly manifest: Manifest;
};

/** The packages that `pnpm-workspace.yaml` names and that exist, in the order of their folders. */
export async function listPackages(root: string): Promise<readonly Package[]> {
  const workspace: { readonly packages: readonly string[] } = parse(
    await readFile(join(root, "pnpm-workspace.yaml"), "utf8"),
  );
  const manifests = await listFiles(
    root,
    workspace.packages.map((pattern) => `${pattern}/package.json`),
  );
  return Promise.all(manifests.map((path) => readPackage(root, dirname(path))));
}

async function readPackage(root: string, dir: string): Promise<Package> {
  const manifest: Manifest = JSON.parse(await readFile(join(root, dir, "package.json"), "utf8"));
  return { key: dir.replace(/^packages\//, ""), dir, manifest };
}

/** The file behind an entry of the `exports` map, from the root; undefined where the package offers no such entry. */
export function entryFile({ dir, manifest }: Package, entry: string): string | undefined {
  const { exports } = manifest;
  if (typeof exports !== "object" || exports === null) return undefined;
  const target: unknown = Object.entries(exports).find(([name]) => name === entry)?.[1];
  const file = typeof target === "object" && target !== null && "default" in target ? target.default : target;
  return typeof file === "string" ? join(dir, file) : undefined;
}
