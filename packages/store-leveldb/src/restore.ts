import { rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Clock, isFault, type Log, silentLog, systemClock } from "@stigmer/base";
import { ClassicLevel } from "classic-level";
import { type Backup, cloneDatabase, listBackups, timestamp } from "./backup.ts";
import { Damaged } from "./damaged.ts";
import type { Writes } from "./draft.ts";
import { pathExists, syncFolder } from "./folder.ts";
import { inspectDatabase } from "./inspect.ts";
import { changeRange, STATE_KEY } from "./keys.ts";
import { type Level, viewOf, writeSynced } from "./level.ts";
import { corruptFault, openFault } from "./level-errors.ts";
import { takeLock } from "./lock.ts";
import { DATABASE_OPTIONS } from "./options.ts";
import { stateIn } from "./read.ts";
import { encodeState } from "./record-codec.ts";
import { unseal } from "./sealed.ts";

/** What a restore did: the backup that is the database now, and where the one before it was put, if there was one. */
export type Restored = { readonly backup: Backup; readonly aside: string | undefined };

/**
 * Puts the newest backup that is sound, every value of it, in the place of the database, which is kept aside as
 * `db.damaged-<time>`. The backup stays as it is. Revisions go on far above those that are lost, and watches from before
 * are refused with `WATCH_TOKEN_EXPIRED`, so no client takes a new version for one that it has seen.
 *
 * Refuses with `STORE_LOCKED` while somebody has the store open, and with `STORE_CORRUPT` where no backup is sound; then
 * nothing has changed.
 */
export async function restoreBackup(
  dataDir: string,
  { clock = systemClock, log = silentLog }: { readonly clock?: Clock; readonly log?: Log } = {},
): Promise<Restored> {
  const dir = resolve(dataDir);
  try {
    const lock = await takeLock(dir, clock);
    try {
      await finishRestore(dir);
      const backup = await prepareNewest(dir, log);
      const aside = await replaceDatabase(dir, clock);
      return { backup, aside };
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw openFault(error, { dir, backup: "none" });
  }
}

/**
 * Ends a restore that was interrupted when the old database was out of the way and the new one not in its place; clears
 * away one that was interrupted before.
 */
export async function finishRestore(dir: string): Promise<void> {
  const interrupted = !(await pathExists(join(dir, "db"))) && (await pathExists(join(dir, READY)));
  if (interrupted) await rename(join(dir, READY), join(dir, "db"));
  for (const name of [READY, IN_WORK]) await rm(join(dir, name), { recursive: true, force: true });
}

const READY = "db.restored";
const IN_WORK = "db.restoring";

/** More revisions than can have been lost; each version and watch token stays a safe integer for millions of restores. */
const REVISION_GAP = 1_000_000_000;
const AT_ONCE = 1_000;

async function prepareNewest(dir: string, log: Log): Promise<Backup> {
  for (const backup of await listBackups(dir)) {
    try {
      await prepareBackup(dir, backup);
      return backup;
    } catch (error) {
      await rm(join(dir, IN_WORK), { recursive: true, force: true });
      if (!isFault(openFault(error, { dir, backup: "none" }), "STORE_CORRUPT")) throw error;
      log.warn({ backup: backup.path, error }, "backup is not sound");
    }
  }
  throw corruptFault(new Damaged("no backup is sound"), { dir, backup: "none" });
}

// In a folder of its own, since LevelDB writes to a database that it opens.
async function prepareBackup(dir: string, backup: Backup): Promise<void> {
  const files = await inspectDatabase(backup.path);
  if (files === undefined) throw new Damaged("the backup is empty");
  await cloneDatabase(backup.path, join(dir, IN_WORK), files);
  await using level = new ClassicLevel<string, Uint8Array>(join(dir, IN_WORK), DATABASE_OPTIONS);
  await level.open({ createIfMissing: false });
  await verify(level);
  await skipRevisions(level);
  await level.close();
  await rename(join(dir, IN_WORK), join(dir, READY));
}

async function verify(level: Level): Promise<void> {
  const view = viewOf(level);
  let after = "";
  for (;;) {
    const entries = await view.entries({ gt: after, lt: "\u{10ffff}" }, { limit: AT_ONCE });
    for (const [, value] of entries) if (value.length > 0) unseal(value);
    after = entries.at(-1)?.[0] ?? after;
    if (entries.length < AT_ONCE) return;
  }
}

async function skipRevisions(level: Level): Promise<void> {
  const state = stateIn(viewOf(level));
  const revision = state.revision + REVISION_GAP;
  await level.clear(changeRange(0, revision));
  const writes: Writes = new Map([[STATE_KEY, encodeState({ ...state, revision, changesGone: revision })]]);
  await writeSynced(level, writes);
}

async function replaceDatabase(dir: string, clock: Clock): Promise<string | undefined> {
  const before = await pathExists(join(dir, "db"));
  const aside = await freePath(join(dir, `db.damaged-${timestamp(clock)}`));
  if (before) await rename(join(dir, "db"), aside);
  await rename(join(dir, READY), join(dir, "db"));
  await syncFolder(dir);
  return before ? aside : undefined;
}

async function freePath(path: string): Promise<string> {
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? path : `${path}-${count}`;
    if (!(await pathExists(candidate))) return candidate;
  }
}
