import { isFault } from "@stigmer/base";
import type { MasterKey } from "@stigmer/resource/port";
import { keyFiles } from "./key-files.ts";
import { keychain } from "./keychain.ts";
import { createSealer } from "./sealer.ts";

// A process that uses the keychain of the session in which it is started: `<folder for key files> make | check <master key> | remove <master key>`.
const [, , folder = "", word, text = "{}"] = process.argv;
const sealer = createSealer({ files: keyFiles(folder), keychain: keychain({ patienceMs: 5_000 }) });
const master = JSON.parse(text) as MasterKey;

async function answer(): Promise<unknown> {
  try {
    if (word === "make") return { master: await sealer.makeMaster() };
    await (word === "remove" ? sealer.removeMaster(master) : sealer.check(master));
    return { master };
  } catch (error) {
    if (!isFault(error)) throw error;
    return { reason: error.reason, message: error.message };
  }
}

process.stdout.write(JSON.stringify(await answer()));
