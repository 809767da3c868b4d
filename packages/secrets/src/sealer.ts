import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { internal, precondition } from "@stigmer/base";
import type { DataKey, KeyPlace, MasterKey, Sealer } from "@stigmer/resource/port";
import { type KeyStore, NoPlace, PlaceAway } from "./key-store.ts";

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

export type SealerOptions = {
  readonly files: KeyStore;
  /** Where there is none, new keys go to files. */
  readonly keychain?: KeyStore | undefined;
};

/**
 * Seals with AES-256-GCM: data keys under a master key, texts under a data key. What is sealed is bound to its owner and its path. A
 * master key is read once and then kept in memory; its id is made of itself, so that another one is never taken for it.
 */
export function createSealer(options: SealerOptions): Sealer {
  const masters = new Map<string, KeyObject>();
  const masterOf = async (master: MasterKey): Promise<KeyObject> => {
    const known = masters.get(nameOf(master)) ?? (await load(options, master));
    masters.set(nameOf(master), known);
    return known;
  };
  const open = async (master: MasterKey, owner: string, wrapped: Uint8Array): Promise<Buffer> =>
    decrypt(await masterOf(master), wrapped, `data-key\0${owner}`);
  const wrap = async (master: MasterKey, owner: string, key: Uint8Array): Promise<Uint8Array> =>
    encrypt(await masterOf(master), key, `data-key\0${owner}`);
  return {
    async makeMaster(place) {
      const key = randomBytes(KEY_BYTES);
      const master = { place: await keep(options, key, place), id: idOf(key) };
      masters.set(nameOf(master), createSecretKey(key));
      return master;
    },
    async removeMaster(master) {
      masters.delete(nameOf(master));
      await storeOf(options, master.place)
        .remove(master.id)
        .catch((error: unknown) => {
          throw missing(master, error);
        });
    },
    check: async (master) => void (await masterOf(master)),
    async newDataKey(master, owner) {
      const key = randomBytes(KEY_BYTES);
      return { key: dataKey(key, owner), wrapped: await wrap(master, owner, key) };
    },
    openDataKey: async (master, owner, wrapped) => dataKey(await open(master, owner, wrapped), owner),
    rewrap: async ({ from, to, owner }, wrapped) => await wrap(to, owner, await open(from, owner, wrapped)),
  };
}

function dataKey(key: Buffer, owner: string): DataKey {
  const derive = (use: string): KeyObject =>
    createSecretKey(Buffer.from(hkdfSync("sha256", key, "", `stigmer ${use}`, KEY_BYTES)));
  const [sealing, telling] = [derive("seal"), derive("mac")];
  const context = (path: string): string => `text\0${owner}\0${path}`;
  return {
    seal: (path, text) => encrypt(sealing, Buffer.from(text, "utf8"), context(path)).toString("base64url"),
    open: (path, sealed) => decrypt(sealing, Buffer.from(sealed, "base64url"), context(path)).toString("utf8"),
    mac: (path, text) => createHmac("sha256", telling).update(`${path}\0${text}`, "utf8").digest("base64url"),
  };
}

function encrypt(key: KeyObject, plain: Uint8Array, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(context, "utf8"));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: KeyObject, sealed: Uint8Array, context: string): Buffer {
  try {
    const bytes = Buffer.from(sealed);
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error("it is too short");
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES));
    decipher.setAAD(Buffer.from(context, "utf8")).setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw internal("INTERNAL", {}, { cause, message: "a sealed value can't be opened: it was changed, or moved" });
  }
}

/** Keeps a new key, and says where. Only where nothing is said of the place and the machine has no keychain, it is a file. */
async function keep(options: SealerOptions, key: Buffer, place: KeyPlace | undefined): Promise<KeyPlace> {
  const id = idOf(key);
  const wanted = place ?? (options.keychain ? "keychain" : "file");
  try {
    await storeOf(options, wanted).save(id, key);
    return wanted;
  } catch (error) {
    if (place !== undefined || !(error instanceof NoPlace)) throw missing({ place: wanted, id }, error);
  }
  await options.files.save(id, key);
  return "file";
}

async function load(options: SealerOptions, master: MasterKey): Promise<KeyObject> {
  let key: Uint8Array | undefined;
  try {
    key = await storeOf(options, master.place).load(master.id);
  } catch (error) {
    throw missing(master, error);
  }
  if (!key) throw missing(master, new PlaceAway("it is not there; restore it, or use the machine that has it"));
  if (idOf(key) !== master.id) throw missing(master, new PlaceAway("another key is in its place; restore it"));
  return createSecretKey(Buffer.from(key));
}

function storeOf({ files, keychain }: SealerOptions, place: KeyPlace): KeyStore {
  if (place === "file") return files;
  if (keychain) return keychain;
  const off = (): never => {
    throw new PlaceAway("the keychain is switched off; start the backend without STIGMER_KEYCHAIN=off");
  };
  return { save: async () => off(), load: async () => off(), remove: async () => off() };
}

function missing({ place, id }: MasterKey, cause: unknown): Error {
  const where = place === "keychain" ? "in the keychain" : "in a key file";
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `the key that seals secrets can't be used: it was kept ${where} as ${id}, and ${why}`;
  return precondition("SEALING_KEY_MISSING", { place, key: id }, { cause, message });
}

/** Tells keys apart, and says nothing of them. */
function idOf(key: Uint8Array): string {
  return createHash("sha256").update("stigmer sealing key").update(key).digest("hex").slice(0, 32);
}

function nameOf({ place, id }: MasterKey): string {
  return `${place}/${id}`;
}
