import { exhausted, Fault, internal, precondition, unavailable } from "@stigmer/base";
import { storeClosed } from "@stigmer/store";
import { Damaged } from "./damaged.ts";
import { errorCode } from "./error-code.ts";

/** What a fault says about the place: the data folder, and its newest backup or "none". */
export type Site = { readonly dir: string; readonly backup: string };

/** The fault that a failed read is. */
export function readFault(cause: unknown, site: Site): Fault {
  if (cause instanceof Fault) return cause;
  if (isDamage(cause)) return corruptFault(cause, site);
  if (CLOSED_SNAPSHOT.has(errorCode(cause))) return unavailable("STORE_CLOSED", { what: "snapshot" }, { cause });
  return NOT_OPEN.has(errorCode(cause)) ? storeClosed() : internal("INTERNAL", { dir: site.dir }, { cause });
}

/** The fault that a failed write is. */
export function writeFault(cause: unknown, site: Site): Fault {
  if (cause instanceof Fault) return cause;
  if (isDamage(cause)) return corruptFault(cause, site);
  return exhausted("STORE_WRITE_FAILED", { dir: site.dir }, { cause });
}

/** The fault that a failed attempt to open the database, or to prepare its folder, is. */
export function openFault(error: unknown, site: Site): Fault {
  if (error instanceof Fault) return error;
  const cause = openCause(error);
  const code = systemCode(cause);
  if (code !== undefined && UNWRITABLE.has(code)) {
    const message = `the data folder ${site.dir} can't be written (${code})`;
    return precondition("STORE_UNWRITABLE", { dir: site.dir, code }, { cause, message });
  }
  if (code !== undefined && FULL.has(code)) return exhausted("STORE_WRITE_FAILED", { dir: site.dir, code }, { cause });
  if (isDamage(cause) || ABSENT.test(textOf(cause))) return corruptFault(cause, site);
  return internal("INTERNAL", { dir: site.dir }, { cause });
}

/** Whether another process has the database open. */
export function isLocked(error: unknown): boolean {
  return errorCode(openCause(error)) === "LEVEL_LOCKED";
}

/** Whether the database was closed under a call; it may be about to be opened again. */
export function isNotOpen(error: unknown): boolean {
  return NOT_OPEN.has(errorCode(error));
}

/** The fault of a damaged database; its message says what to do. */
export function corruptFault(cause: unknown, { dir, backup }: Site): Fault {
  const way =
    backup === "none"
      ? "and it has no backup"
      : `\`stigmer local reset --from-backup\` goes back to the newest backup that is sound, at best ${backup}`;
  const message = `the database in ${dir} is damaged (${textOf(cause)}); ${way}`;
  return internal("STORE_CORRUPT", { dir, backup }, { cause, message });
}

const NOT_OPEN = new Set(["LEVEL_DATABASE_NOT_OPEN", "LEVEL_ITERATOR_NOT_OPEN"]);
const CLOSED_SNAPSHOT = new Set(["LEVEL_SNAPSHOT_NOT_OPEN"]);
const UNWRITABLE = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "ELOOP", "ENAMETOOLONG"]);
const FULL = new Set(["ENOSPC", "EDQUOT", "EIO"]);

// LevelDB puts the system's words, not its codes, into a message.
const SYSTEM_WORDS: readonly (readonly [words: RegExp, code: string])[] = [
  [/Permission denied/, "EACCES"],
  [/Operation not permitted/, "EPERM"],
  [/Read-only file system/, "EROFS"],
  [/Not a directory/, "ENOTDIR"],
  [/No space left/, "ENOSPC"],
  [/[Qq]uota exceeded/, "EDQUOT"],
  [/Input\/output error/, "EIO"],
];
const ABSENT = /No such file|does not exist/;

function isDamage(error: unknown): boolean {
  if (error instanceof Damaged || errorCode(error) === "LEVEL_CORRUPTION") return true;
  return /^IO error: .*No such file/.test(textOf(error));
}

function openCause(error: unknown): unknown {
  const wrapped = errorCode(error) === "LEVEL_DATABASE_NOT_OPEN" && error instanceof Error;
  return wrapped && error.cause !== undefined ? error.cause : error;
}

function systemCode(error: unknown): string | undefined {
  const code = errorCode(error);
  if (code === "EEXIST") return "ENOTDIR";
  if (UNWRITABLE.has(code) || FULL.has(code)) return code;
  return SYSTEM_WORDS.find(([words]) => words.test(textOf(error)))?.[1];
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
