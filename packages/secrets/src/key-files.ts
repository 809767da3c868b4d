import { chmodSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeSynced } from "./files.ts";
import { type KeyStore, PlaceAway } from "./key-store.ts";

const FORM = /^[0-9a-f]{64}\n$/;
const OWNER_ONLY = 0o077;

/** Keys in files of a folder, which only their owner may read. A file that others may read, or that holds something else, is refused. */
export function keyFiles(folder: string): KeyStore {
  const fileOf = (id: string): string => join(folder, `${id}.key`);
  return {
    async save(id, key) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      chmodSync(folder, 0o700);
      writeSynced(fileOf(id), `${Buffer.from(key).toString("hex")}\n`);
    },
    load: async (id) => load(fileOf(id)),
    remove: async (id) => rmSync(fileOf(id), { force: true }),
  };
}

function load(file: string): Uint8Array | undefined {
  try {
    const text = readFileSync(file, "latin1");
    if (process.platform !== "win32" && (statSync(file).mode & OWNER_ONLY) !== 0) {
      throw new PlaceAway(`others than its owner may read ${file}; run chmod 600 on it`);
    }
    if (!FORM.test(text)) throw new PlaceAway(`${file} holds no key; restore it from a copy`);
    return Buffer.from(text.trim(), "hex");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if (error instanceof PlaceAway) throw error;
    throw new PlaceAway(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
