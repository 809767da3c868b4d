import { readFile, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";
import { ScriptProblem } from "./script.ts";

const MAX_BYTES = 8 * 1024 * 1024;

/**
 * The text of a script. A relative name stays inside `dir`, links followed; an absolute one is read wherever it is, as
 * whoever names it could read it anyway. Throws `ScriptProblem`.
 */
export async function readScript(dir: string, file: string): Promise<string> {
  const path = await locate(dir, file);
  const found = await orProblem(stat(path));
  if (!found.isFile()) throw new ScriptProblem("it is not a file");
  if (found.size > MAX_BYTES) throw new ScriptProblem("it is larger than 8 MiB");
  return await orProblem(readFile(path, "utf8"));
}

async function locate(dir: string, file: string): Promise<string> {
  if (isAbsolute(file)) return await orProblem(realpath(file));
  const root = await orProblem(realpath(dir));
  const path = await orProblem(realpath(join(root, file)));
  if (path.startsWith(root.endsWith(sep) ? root : root + sep)) return path;
  throw new ScriptProblem(`it is outside of the scripts folder ${dir}; name it by its absolute path`);
}

async function orProblem<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const { code = "", path = "" } = cause as NodeJS.ErrnoException;
    throw new ScriptProblem(code === "ENOENT" ? `there is no file ${path}` : `it cannot be read (${code})`, { cause });
  }
}
