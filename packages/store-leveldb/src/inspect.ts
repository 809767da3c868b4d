import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Damaged } from "./damaged.ts";
import { namesIn } from "./folder.ts";
import { readRecords } from "./log-format.ts";
import { parseManifest } from "./manifest.ts";

/** The files that a database consists of: those that LevelDB still writes to, and those that it never changes. */
export type DatabaseFiles = { readonly changing: readonly string[]; readonly fixed: readonly string[] };

/**
 * Looks at the files of a database that nobody has open. Undefined where there is none yet. Refuses one of which files
 * are missing or cut off, or whose log has lost commits: LevelDB would open some of these, and with a missing `CURRENT`
 * even begin anew, and delete the rest. Does not look inside tables.
 */
export async function inspectDatabase(dir: string): Promise<DatabaseFiles | undefined> {
  const names = await namesIn(dir);
  if (!names.includes("CURRENT")) {
    if (names.some((name) => DATA.test(name))) throw new Damaged("CURRENT is missing");
    return undefined;
  }
  const manifest = (await readFile(join(dir, "CURRENT"), "latin1")).trimEnd();
  if (!/^MANIFEST-\d+$/.test(manifest) || !names.includes(manifest)) throw new Damaged("the manifest is missing");
  const { tables, oldestLog } = parseManifest(await readFile(join(dir, manifest)));
  const fixed: string[] = [];
  for (const [number, bytes] of tables) fixed.push(await soundTable(dir, { names, number, bytes }));
  return { changing: ["CURRENT", manifest, ...(await soundLogs(dir, { names, oldestLog }))], fixed };
}

const DATA = /\.(ldb|sst|log)$/;
const TABLE_MAGIC = 0xdb4775248b80fb57n;
const MAGIC_BYTES = 8;

type TableFile = { readonly names: readonly string[]; readonly number: number; readonly bytes: number };

async function soundTable(dir: string, { names, number, bytes }: TableFile): Promise<string> {
  const digits = String(number).padStart(6, "0");
  const name = [`${digits}.ldb`, `${digits}.sst`].find((candidate) => names.includes(candidate));
  if (name === undefined) throw new Damaged(`table ${digits} is missing`);
  await using file = await open(join(dir, name));
  const { size } = await file.stat();
  const magic = Buffer.alloc(MAGIC_BYTES);
  await file.read(magic, 0, MAGIC_BYTES, bytes - MAGIC_BYTES);
  if (size !== bytes || magic.readBigUInt64LE() !== TABLE_MAGIC) throw new Damaged(`table ${name} is cut off`);
  return name;
}

type LogFiles = { readonly names: readonly string[]; readonly oldestLog: number };

async function soundLogs(dir: string, { names, oldestLog }: LogFiles): Promise<readonly string[]> {
  const logs = names.filter((name) => name.endsWith(".log") && Number.parseInt(name, 10) >= oldestLog).sort();
  // The log that the manifest names exists as long as the manifest names it; 0 is before the first.
  if (oldestLog > 0 && !logs.some((name) => Number.parseInt(name, 10) === oldestLog)) {
    throw new Damaged(`log ${oldestLog} is missing`);
  }
  for (const name of logs) readRecords(await readFile(join(dir, name)));
  return logs;
}
