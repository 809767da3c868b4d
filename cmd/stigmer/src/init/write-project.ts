import { access, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SCHEMAS } from "../commands/init-project.ts";
import { failed } from "../failure.ts";

/** Files of the project that are there already, by their path in it. */
export async function filesThere(folder: string, files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const names = [...Object.keys(files), SCHEMAS];
  const there = await Promise.all(names.map((name) => exists(join(folder, name))));
  return names.filter((_, at) => there[at]);
}

/** Writes the files; without `overwrite` one that has appeared meanwhile is refused. */
export async function writeProject(
  folder: string,
  files: Readonly<Record<string, string>>,
  { overwrite }: { readonly overwrite: boolean },
): Promise<void> {
  try {
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text, { flag: overwrite ? "w" : "wx" });
    }
  } catch (error) {
    throw failed(
      `can't write to ${folder}: ${error instanceof Error ? error.message : error}`,
      "choose another folder",
    );
  }
}

/** Whether a program of this name is on the search path. */
export async function isInstalled(program: string, path: string): Promise<boolean> {
  const found = await Promise.all(path.split(":").map((folder) => folder !== "" && exists(join(folder, program))));
  return found.includes(true);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
