import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a new file for its owner only: beside, then linked into place, so that whoever reads it finds it whole, and it is on disk when
 * this returns. Throws EEXIST where there is a file already.
 */
export function writeSynced(file: string, text: string): void {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  writeWhole(draft, text);
  try {
    linkSync(draft, file);
  } finally {
    rmSync(draft);
  }
  syncFolder(dirname(file));
}

export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function writeWhole(file: string, text: string): void {
  const handle = openSync(file, "wx", 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
