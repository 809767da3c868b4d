import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { internal } from "@stigmer/base";
import type { Keys, KeyUse } from "@stigmer/resource/port";

const CIPHER = "aes-256-gcm";
const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/**
 * Keys derived from a master key (HKDF-SHA-256, RFC 5869), one for each use. A sealed value is a format byte, a random
 * nonce, the ciphertext of AES-256-GCM and its tag.
 */
export function createKeys(masterKey: Uint8Array): Keys {
  const derived = new Map<KeyUse, KeyObject>();
  const keyOf = (use: KeyUse): KeyObject => {
    const known = derived.get(use) ?? derive(masterKey, use);
    derived.set(use, known);
    return known;
  };
  return {
    mac: (use, text) => createHmac("sha256", keyOf(use)).update(text, "utf8").digest(),
    seal(use, plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, keyOf(use), nonce).setAAD(Buffer.from(context, "utf8"));
      return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(use, sealed, context) {
      try {
        return unseal(keyOf(use), Buffer.from(sealed), context);
      } catch (cause) {
        const message = "a sealed value can't be opened: it was changed, or sealed with another master key";
        throw internal("INTERNAL", {}, { cause, message });
      }
    },
  };
}

function derive(masterKey: Uint8Array, use: KeyUse): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync("sha256", masterKey, "", `stigmer ${use}`, KEY_BYTES)));
}

function unseal(key: KeyObject, sealed: Buffer, context: string): Uint8Array {
  if (sealed[0] !== FORMAT || sealed.length < 1 + NONCE_BYTES + TAG_BYTES) throw new Error("unknown format");
  const body = sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES);
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(1, 1 + NONCE_BYTES));
  decipher.setAAD(Buffer.from(context, "utf8")).setAuthTag(sealed.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(body), decipher.final()]);
}
