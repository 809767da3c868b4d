import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { precondition } from "@stigmer/base";
import { syncFolder, writeSynced } from "./files.ts";

const BYTES = 32;
const FORM = /^[0-9a-f]{64}\n$/;

/**
 * The key that the backend's own keys are derived from, in a file that only its owner may read, made where there is none. Two that make it at once get the same
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

/** Two that make it at once get the same one: only the first is linked into place. */
function make(file: string): Uint8Array {
  try {
    writeSynced(file, `${randomBytes(BYTES).toString("hex")}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    syncFolder(dirname(file));
  }
  const made = read(file);
  if (!made) throw new Error("it is gone as soon as it was made");
  return made;
}
