import { randomBytes } from "node:crypto";
import type { DataKeys } from "./data-keys.ts";
import type { DataKey } from "./port.ts";

const random = (bytes: number): string => randomBytes(bytes).toString("base64url");

const THROWAWAY: DataKey = {
  seal: (_path, text) => random(Buffer.byteLength(text)),
  open() {
    throw new Error("what is sealed for nobody can't be opened");
  },
  mac: () => random(32),
};

/**
 * Data keys for what is planned and never stored. Nothing is made or read for them, and no text has the sealed form that it
 * had before: whoever asks learns nothing of what is sealed.
 */
export function throwawayKeys(keys: DataKeys): DataKeys {
  return { ...keys, forSealing: async () => ({ key: THROWAWAY, puts: [], preconditions: [] }) };
}
