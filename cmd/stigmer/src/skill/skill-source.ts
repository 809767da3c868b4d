import { misused } from "../failure.ts";
import { printableLine } from "../output/printable.ts";

/** A file of a skill on this machine. */
export type LocalFile = { readonly path: string; readonly bytes: Uint8Array };

const MIB = 1024 * 1024;
/** As the backend bounds a skill, so that nothing larger is read or unpacked here. */
export const MOST_FILES = 1_000;
export const MOST_BYTES = 32 * MIB;
const MOST_FILE_BYTES = 16 * MIB;

/** Keeps a skill within its bounds while it is gathered. */
export interface Room {
  /** Refuses a file that is one too many, or whose size takes the skill past its bounds; before it is read. */
  take(path: string, size: number): void;
}

export function createRoom(source: string): Room {
  let files = 0;
  let bytes = 0;
  const refuse = (why: string) => misused(`${source}: ${why}`, "a skill is knowledge to read; leave out what is not");
  return {
    take(path, size) {
      files += 1;
      bytes += size;
      if (files > MOST_FILES) throw refuse(`holds more than ${MOST_FILES} files`);
      if (size > MOST_FILE_BYTES) throw refuse(`${printableLine(path)} is larger than ${MOST_FILE_BYTES / MIB} MiB`);
      if (bytes > MOST_BYTES) throw refuse(`is larger than ${MOST_BYTES / MIB} MiB in all`);
    },
  };
}

/** Whether a name hides: `.git`, `.DS_Store`, and what a Mac puts into archives. Such files and folders are no part of a skill. */
export function isHidden(name: string): boolean {
  return name.startsWith(".") || name === "__MACOSX";
}

/** Refuses two paths that some file system would take for the same. */
export function requireDistinct(source: string, files: readonly LocalFile[]): void {
  const seen = new Map<string, string>();
  for (const { path } of files) {
    const folded = path.normalize("NFC").toLowerCase().normalize("NFC");
    const twin = seen.get(folded);
    if (twin !== undefined) {
      const which = `${printableLine(twin)} and ${printableLine(path)}`;
      throw misused(`${source}: ${which} differ in letter case alone`, "rename one of them");
    }
    seen.set(folded, path);
  }
}

/** Whether a path stays below a folder, on every system. */
export function isBelow(path: string): boolean {
  if (path.length > 512 || /[\\\p{Cc}]/u.test(path) || /^[A-Za-z]:/.test(path)) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}
