export { type Backup, listBackups } from "./backup.ts";
export { type FileBlobsOptions, openFileBlobs } from "./file-blobs.ts";
export type { Level } from "./level.ts";
export { openLevelStore } from "./open.ts";
export type { LevelStoreOptions, StoreLimits } from "./options.ts";
export { type Restored, restoreBackup } from "./restore.ts";
export { type StoreOverOptions, storeOver } from "./store-over.ts";
