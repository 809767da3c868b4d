import { chmod, mkdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isFault, type Log } from "@stigmer/base";
import type { Store } from "@stigmer/store";
import { ClassicLevel } from "classic-level";
import { listBackups, makeBackup, pruneBackups } from "./backup.ts";
import { syncFolder } from "./folder.ts";
import { inspectDatabase } from "./inspect.ts";
import { isLocked, openFault } from "./level-errors.ts";
import { type Lock, lockedFault, takeLock } from "./lock.ts";
import { DATABASE_OPTIONS, type LevelStoreOptions } from "./options.ts";
import { finishRestore } from "./restore.ts";
import { refuseFullDisk } from "./room.ts";
import { storeOver } from "./store-over.ts";

const BACKUPS_KEPT = 2;

/**
 * Opens the store in a data folder, which is made, for this user alone, where there is none. Backs the database up
 * before anything touches it; `restoreBackup` goes back to such a backup.
 *
 * Refuses with `STORE_LOCKED` while somebody else has it open, `STORE_UNWRITABLE` where the folder can't be written,
 * `STORE_WRITE_FAILED` where the disk is full, `STORE_CORRUPT` where the database is damaged, and
 * `STORE_SCHEMA_UNKNOWN` where a newer version wrote it.
 */
export async function openLevelStore(options: LevelStoreOptions): Promise<Store> {
  const dir = resolve(options.dir);
  const lock = await lockFolder(dir, options);
  try {
    return await openLocked({ ...options, dir }, lock);
  } catch (error) {
    const inUse = isLocked(error);
    await lock.release({ inUse });
    if (inUse) throw await lockedFault(dir, error);
    throw openFault(error, { dir, backup: await newestBackup(dir) });
  }
}

async function lockFolder(dir: string, { clock, log }: LevelStoreOptions): Promise<Lock> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await tighten(dir, log);
    return await takeLock(dir, clock);
  } catch (error) {
    throw openFault(error, { dir, backup: "none" });
  }
}

// A folder that belongs to somebody else can't be tightened, and is none of ours to refuse.
async function tighten(dir: string, log: Log): Promise<void> {
  const { mode } = await stat(dir);
  if ((mode & 0o077) === 0) return;
  await chmod(dir, 0o700).catch((error: unknown) => log.warn({ dir, error }, "data folder is open to other users"));
}

async function openLocked(options: LevelStoreOptions, lock: Lock): Promise<Store> {
  const { dir, clock, log } = options;
  const db = join(dir, "db");
  await finishRestore(dir);
  const files = await inspectDatabase(db);
  const backup = files === undefined ? undefined : await makeBackup(dir, files, clock);
  try {
    const store = await openDatabase(options, { db, isNew: files === undefined, lock });
    await pruneBackups(dir, BACKUPS_KEPT).catch((error: unknown) => log.warn({ dir, error }, "old backups stay"));
    return store;
  } catch (error) {
    // A backup of what does not open would push out one that does, and is none to point at.
    if (backup !== undefined) await rm(backup, { recursive: true, force: true });
    throw isFault(error, "STORE_CORRUPT") ? error.cause : error;
  }
}

type Opening = { readonly db: string; readonly isNew: boolean; readonly lock: Lock };

async function openDatabase(options: LevelStoreOptions, { db, isNew, lock }: Opening): Promise<Store> {
  const { dir } = options;
  const site = { dir, backup: await newestBackup(dir) };
  if (isNew) await mkdir(db, { recursive: true, mode: 0o700 });
  const level = new ClassicLevel<string, Uint8Array>(db, { ...DATABASE_OPTIONS, createIfMissing: false });
  await level.open({ createIfMissing: isNew });
  if (isNew) await syncFolder(dir);
  return await storeOver(level, {
    ...options,
    site,
    beforeReopen: () => refuseFullDisk(dir),
    afterClose: () => lock.release(),
  });
}

async function newestBackup(dir: string): Promise<string> {
  const backups = await listBackups(dir).catch(() => []);
  return backups[0]?.path ?? "none";
}
