import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";

/** Text of manifests, and what to call it. */
export type Source = { readonly name: string; readonly text: string };

const MAX_BYTES = 4 * 1024 * 1024;
const EXTENSIONS = [".yaml", ".yml", ".json"];

/** Reads files, the manifests of folders in order of name, and for `-` standard input. */
export async function readSources(deps: Pick<Deps, "cwd" | "stdin">, paths: readonly string[]): Promise<Source[]> {
  const sources: Source[] = [];
  for (const path of paths) {
    if (path === "-") sources.push({ name: "stdin", text: await readStdin(deps) });
    else for (const name of await filesOf(deps.cwd, path)) sources.push(await readSource(deps.cwd, name));
  }
  return sources;
}

async function filesOf(cwd: string, path: string): Promise<string[]> {
  const info = await stat(resolve(cwd, path)).catch(unreadable(path));
  if (!info.isDirectory()) return [path];
  const names = await readdir(resolve(cwd, path)).catch(unreadable(path));
  const manifests = names.filter((name) => EXTENSIONS.some((extension) => name.endsWith(extension))).sort();
  if (manifests.length > 0) return manifests.map((name) => join(path, name));
  throw misused(`${path}: the folder holds no manifest`, `manifests end in ${EXTENSIONS.join(", ")}`);
}

async function readSource(cwd: string, name: string): Promise<Source> {
  const { size } = await stat(resolve(cwd, name)).catch(unreadable(name));
  if (size > MAX_BYTES) throw tooLarge(name);
  const bytes = await readFile(resolve(cwd, name)).catch(unreadable(name));
  if (bytes.length > MAX_BYTES) throw tooLarge(name);
  try {
    return { name, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    throw notText(name);
  }
}

async function readStdin(deps: Pick<Deps, "stdin">): Promise<string> {
  try {
    return await deps.stdin.text(MAX_BYTES);
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge("stdin");
    if (error instanceof TypeError) throw notText("stdin");
    throw error;
  }
}

function unreadable(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    const why = error.code === "ENOENT" ? "no such file or folder" : `can't be read: ${error.code ?? error.message}`;
    throw misused(`${path}: ${why}`, "give a file, a folder, or - for standard input");
  };
}

function tooLarge(name: string): Error {
  return misused(`${name}: is larger than ${MAX_BYTES / 1024 / 1024} MiB`, "split it into several files");
}

function notText(name: string): Error {
  return misused(`${name}: is not UTF-8 text`, "save it as UTF-8");
}
