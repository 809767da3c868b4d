import { constants, copyFile, link, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@stigmer/base";
import { namesIn, syncFolder } from "./folder.ts";
import type { DatabaseFiles } from "./inspect.ts";

/** A copy of the database as it was before one of the times when it was opened. */
export type Backup = { readonly path: string; readonly madeAt: string };

/** The backups in a data folder, newest first. */
export async function listBackups(dir: string): Promise<readonly Backup[]> {
  const found = await numbered(dir);
  return found.map(({ name, stamp }) => ({ path: join(dir, "backups", name), madeAt: readable(stamp) }));
}

/**
 * Makes a backup of `db` in the data folder, of the given files, and returns its path. It is there whole, on disk, or
 * not at all. Nobody may have the database open.
 */
export async function makeBackup(dir: string, files: DatabaseFiles, clock: Clock): Promise<string> {
  const backups = join(dir, "backups");
  await mkdir(backups, { recursive: true, mode: 0o700 });
  const newest = (await numbered(dir))[0]?.number ?? 0;
  const path = join(backups, `${timestamp(clock)}-${newest + 1}`);
  await cloneDatabase(join(dir, "db"), `${path}.partial`, files);
  await rename(`${path}.partial`, path);
  await syncFolder(backups);
  return path;
}

/** Removes what is not one of the newest `keep` backups, half-made ones included. */
export async function pruneBackups(dir: string, keep: number): Promise<void> {
  const backups = join(dir, "backups");
  const kept = new Set((await numbered(dir)).slice(0, keep).map(({ name }) => name));
  for (const name of await namesIn(backups)) {
    if (!kept.has(name)) await rm(join(backups, name), { recursive: true, force: true });
  }
}

/** Clones a database that nobody has open: files that never change are linked, where the file system can, others copied. */
export async function cloneDatabase(from: string, to: string, files: DatabaseFiles): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of files.fixed) await linkOrCopy(join(from, name), join(to, name));
  for (const name of files.changing) await copySynced(join(from, name), join(to, name));
  await syncFolder(to);
}

/** The time as names of folders show it. */
export function timestamp(clock: Clock): string {
  return new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, "");
}

type Numbered = { readonly name: string; readonly stamp: string; readonly number: number };

// The number says which is newer; clocks are set back.
async function numbered(dir: string): Promise<readonly Numbered[]> {
  const names = await namesIn(join(dir, "backups"));
  return names
    .flatMap((name) => {
      const [, stamp, number] = /^(\d{8}T\d{6}Z)-(\d+)$/.exec(name) ?? [];
      return stamp === undefined ? [] : [{ name, stamp, number: Number(number) }];
    })
    .sort((one, other) => other.number - one.number);
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copySynced(from, to));
}

async function copySynced(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await using file = await open(to, "r+");
  await file.sync();
}

function readable(stamp: string): string {
  return stamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z");
}
