import { fstatSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Which files and folders this process puts on disk, from the call on until it is disposed of. */
export interface SyncedPaths extends Disposable {
  has(path: string): boolean;
}

export async function watchSyncs(): Promise<SyncedPaths> {
  await using some = await open("/");
  const shared = Object.getPrototypeOf(some) as Pick<FileHandle, "sync" | "fd">;
  const { sync } = shared;
  const inodes = new Set<number>();
  shared.sync = async function synced(this: FileHandle) {
    inodes.add(fstatSync(this.fd).ino);
    await sync.call(this);
  };
  return {
    has: (path) => inodes.has(statSync(path).ino),
    [Symbol.dispose]() {
      shared.sync = sync;
    },
  };
}
