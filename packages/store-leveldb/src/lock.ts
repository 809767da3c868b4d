import { createHash, randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { type Clock, type Fault, precondition } from "@stigmer/base";
import { errorCode } from "./error-code.ts";
import { processStart } from "./process-identity.ts";

/** The right to use a data folder. */
export type Lock = {
  readonly path: string;
  /** Lets go. Where the folder turned out to be in use after all, the lock file is left as it was found. */
  release(options?: { readonly inUse: boolean }): Promise<void>;
};

/** What the lock file says, as JSON. `id` makes it unlike every other. */
type Owner = {
  readonly pid: number;
  readonly start: string;
  readonly host: string;
  readonly when: string;
  readonly id: string;
};

/**
 * Locks a data folder for this process. Refuses with `STORE_LOCKED` while the process that the lock file names runs; one
 * of a process that is gone is taken over, by one of those that try. A lock file of another host can't be judged and
 * counts as gone: LevelDB's own lock, which the system keeps, is the last word.
 */
export async function takeLock(dir: string, clock: Clock): Promise<Lock> {
  const path = join(dir, "lock");
  const mine = await describeSelf(clock);
  const before = await acquire(path, { dir, mine });
  return {
    path,
    async release({ inUse } = { inUse: false }) {
      if ((await textAt(path)) !== mine) return;
      if (inUse && before !== undefined) await replace(path, before);
      else await rm(path, { force: true });
    },
  };
}

/** The fault of a data folder that is in use, by the process that the lock file names if there is one. */
export async function lockedFault(dir: string, cause: unknown): Promise<Fault> {
  return lockedBy(dir, parse(await textAt(join(dir, "lock"))), cause);
}

async function describeSelf(clock: Clock): Promise<string> {
  const owner: Owner = {
    pid: process.pid,
    start: (await processStart(process.pid)) ?? "",
    host: hostname(),
    when: new Date(clock.now()).toISOString(),
    id: randomUUID(),
  };
  return `${JSON.stringify(owner)}\n`;
}

type Attempt = { readonly dir: string; readonly mine: string };

// Returns the text of the stale lock that was taken over, if there was one.
async function acquire(path: string, attempt: Attempt): Promise<string | undefined> {
  for (;;) {
    if (await createWhole(path, attempt.mine)) return undefined;
    const found = await textAt(path);
    if (found === undefined) continue;
    const owner = parse(found);
    if (await isAlive(owner)) throw lockedBy(attempt.dir, owner);
    if (await takeOver(path, found, attempt)) return found;
  }
}

// Only who holds the claim to a stale lock's text may replace it; a stale claim is taken over in the same way.
async function takeOver(path: string, stale: string, attempt: Attempt): Promise<boolean> {
  const claim = join(attempt.dir, `lock.claim-${createHash("sha256").update(path).update(stale).digest("hex")}`);
  await acquire(claim, attempt);
  try {
    if ((await textAt(path)) !== stale) return false;
    await replace(path, attempt.mine);
    return true;
  } finally {
    await rm(claim, { force: true });
  }
}

function lockedBy(dir: string, owner: Owner | undefined, cause?: unknown): Fault {
  const pid = owner?.pid ?? "unknown";
  const message = `the data folder ${dir} is in use by process ${pid}`;
  return precondition("STORE_LOCKED", { lock: join(dir, "lock"), pid }, { cause, message });
}

async function isAlive(owner: Owner | undefined): Promise<boolean> {
  if (owner === undefined || owner.host !== hostname()) return false;
  const start = await processStart(owner.pid);
  return start !== undefined && start === owner.start;
}

// A link appears with its content, so that nobody reads half a lock; not every file system has links.
async function createWhole(path: string, text: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text, { flag: "wx", mode: 0o600 });
  try {
    await link(draft, path).catch((error: unknown) => {
      if (errorCode(error) === "EEXIST") throw error;
      return writeFile(path, text, { flag: "wx", mode: 0o600 });
    });
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function replace(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text, { flag: "wx", mode: 0o600 });
  await rename(draft, path);
}

async function textAt(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
}

function parse(text: string | undefined): Owner | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return isOwner(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isOwner(value: unknown): value is Owner {
  if (typeof value !== "object" || value === null) return false;
  const { pid, start, host } = value as Partial<Record<keyof Owner, unknown>>;
  return typeof pid === "number" && typeof start === "string" && typeof host === "string";
}
