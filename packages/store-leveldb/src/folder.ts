import { open, readdir, stat } from "node:fs/promises";
import { errorCode } from "./error-code.ts";

/** The names in a folder; none where there is no such folder. */
export async function namesIn(path: string): Promise<readonly string[]> {
  return await readdir(path).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  });
}

export async function pathExists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/** Puts on disk which names a folder holds. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path);
  await folder.sync();
}
