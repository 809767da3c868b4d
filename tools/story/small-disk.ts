import { execFileSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const SIZE_MIB = 96;

/** A folder on a file system of its own, which can be filled to the last byte, and emptied again. */
export interface SmallDisk extends Disposable {
  fill(): void;
  free(): void;
}

/** Mounts one over a folder; undefined where the user may not, as only root may. */
export function mountSmallDisk(folder: string): SmallDisk | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE_MIB}m`, "stigmer-story", folder]);
  const ballast = join(folder, "ballast");
  return {
    fill() {
      const file = openSync(ballast, "w");
      for (const size of [1024 * 1024, 4096, 1]) fillBy(file, Buffer.alloc(size));
      closeSync(file);
    },
    free: () => rmSync(ballast, { force: true }),
    [Symbol.dispose]: () => execFileSync("umount", ["-l", folder]),
  };
}

function fillBy(file: number, piece: Buffer): void {
  try {
    while (writeSync(file, piece) === piece.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
