import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { precondition } from "@stigmer/base";

const BYTES = 32;
const FORM = /^[0-9a-f]{64}\n$/;

/**
 * The master key in a file that only its owner may read, made where there is none. Two that make it at once get the same
 * one. A file that holds something else is refused, never replaced: what was sealed with the key would be lost.
 */
export function openMasterKey(file: string): Uint8Array {
  try {
    return read(file) ?? make(file);
  } catch (cause) {
    const message = `the master key in ${file} can't be used: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw precondition("STORE_UNWRITABLE", { file }, { cause, message });
  }
}

function read(file: string): Uint8Array | undefined {
  try {
    const text = readFileSync(file, "latin1");
    if (!FORM.test(text)) throw new Error(`it must hold ${2 * BYTES} hexadecimal digits; restore it from a copy`);
    return Buffer.from(text.trim(), "hex");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Written beside and linked into place: whoever reads the file finds it whole. */
function make(file: string): Uint8Array {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  writeWhole(draft, `${randomBytes(BYTES).toString("hex")}\n`);
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft);
  }
  syncFolder(dirname(file));
  const made = read(file);
  if (!made) throw new Error("it is gone as soon as it was made");
  return made;
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

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
