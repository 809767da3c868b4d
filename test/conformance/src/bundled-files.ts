import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Texts by path in the repository; the bundler fills it in. */
declare const BUNDLED_FILES: Readonly<Record<string, string>> | undefined;

const ROOT = join(import.meta.dirname, "../../..");

/** What the program needs beside its code: from the bundle, or from the repository where it runs from source. */
export function readBundled(path: string): string {
  if (typeof BUNDLED_FILES === "undefined") return readFileSync(join(ROOT, path), "utf8");
  const text = BUNDLED_FILES[path];
  if (text === undefined) throw new Error(`${path} is not in the bundle`);
  return text;
}

/** The YAML files of a folder. */
export function readBundledFolder(folder: string): readonly string[] {
  const names =
    typeof BUNDLED_FILES === "undefined"
      ? readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`)
      : Object.keys(BUNDLED_FILES).filter((path) => path.startsWith(`${folder}/`));
  return names.filter((name) => name.endsWith(".yaml")).map(readBundled);
}
