export { keyFiles } from "./key-files.ts";
export type { KeyStore } from "./key-store.ts";
export { keychain } from "./keychain.ts";
export { createKeys } from "./keys.ts";
export { openMasterKey } from "./master-key.ts";
export { createSealer, type SealerOptions } from "./sealer.ts";
