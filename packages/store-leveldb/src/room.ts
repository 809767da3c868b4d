import { statfs } from "node:fs/promises";
import { exhausted } from "@stigmer/base";
import { DATABASE_OPTIONS } from "./options.ts";

const MIB = 1024 * 1024;

/** What LevelDB may write while it opens: a table from the log of a full buffer, a new manifest, a new log. */
export const NEEDED_BYTES = 2 * DATABASE_OPTIONS.writeBufferSize + 4 * MIB;

/** Refuses with `STORE_WRITE_FAILED` while the disk has no room to open a database, which would close one in vain. */
export async function refuseFullDisk(dir: string): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  if (bavail * bsize < NEEDED_BYTES) throw exhausted("STORE_WRITE_FAILED", { dir, code: "ENOSPC" });
}
