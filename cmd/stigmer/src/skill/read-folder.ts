import { constants, type Stats } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { misused } from "../failure.ts";
import { printableLine } from "../output/printable.ts";
import { createRoom, isBelow, isHidden, type LocalFile, type Room } from "./skill-source.ts";

const MOST_DEEP = 32;

/** The files of a folder, hidden ones left out. Refuses links, whatever they point to, and what is no file. */
export async function readFolder(folder: string): Promise<LocalFile[]> {
  const files: LocalFile[] = [];
  await readInto(files, { folder, room: createRoom(folder), below: "", depth: 0 });
  return files;
}

type Reading = { readonly folder: string; readonly room: Room; readonly below: string; readonly depth: number };

async function readInto(files: LocalFile[], reading: Reading): Promise<void> {
  const { folder, room, below, depth } = reading;
  if (depth > MOST_DEEP) throw misused(`${folder}: folders are nested deeper than ${MOST_DEEP}`);
  for (const name of (await readdir(join(folder, below))).sort()) {
    if (isHidden(name)) continue;
    const path = below === "" ? name : `${below}/${name}`;
    const info = await lstat(join(folder, path));
    if (info.isDirectory()) await readInto(files, { folder, room, below: path, depth: depth + 1 });
    else files.push(await readFile(reading, path, info));
  }
}

async function readFile({ folder, room }: Reading, path: string, info: Stats): Promise<LocalFile> {
  const shown = printableLine(join(folder, path));
  if (info.isSymbolicLink()) throw misused(`${shown}: is a link`, "put the file itself there, or leave it out");
  if (!info.isFile() || !isBelow(path)) throw misused(`${shown}: is no file that a skill can hold`, "leave it out");
  room.take(path, info.size);
  // What has become a link since it was looked at is not followed either; nor is more read than was counted.
  await using file = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW);
  const bytes = new Uint8Array(info.size);
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, at);
    if (bytesRead === 0) throw misused(`${shown}: changed while it was read`, "try again");
    at += bytesRead;
  }
  return { path, bytes };
}
