import { constants } from "node:fs";
import { mkdir, open, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { failed } from "../failure.ts";
import { printableLine } from "./printable.ts";

/** Makes a folder where there is none; refuses one that holds anything. */
export async function emptyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length === 0) return;
  throw failed(`${printableLine(folder)}: the folder is not empty`, "name one that is empty, or that is not there yet");
}

/** Writes a new file piece by piece, with the folders above it; refuses to replace one. What was not written whole is removed. */
export async function writeNewFile(
  folder: string,
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const target = join(folder, path);
  await mkdir(dirname(target), { recursive: true });
  const file = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW);
  try {
    for await (const piece of pieces) await file.writeFile(piece);
    await file.close();
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(target, { force: true });
    throw error;
  }
}
