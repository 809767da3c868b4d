import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const SIZE_MIB = 96;
/** Only the system's administrator may mount. */
export const mayMount = process.getuid?.() === 0;

/** A file system of its own, which the test fills with a file, and empties by removing it. */
export function mountSmallDisk(path: string): Disposable & { readonly path: string; fill(): void; free(): void } {
  mkdirSync(path);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE_MIB}m`, "stigmer-faults", path]);
  const ballast = join(path, "ballast");
  return {
    path,
    fill() {
      const file = openSync(ballast, "w");
      for (const size of [1024 * 1024, 4096, 1]) fillBy(file, Buffer.alloc(size));
      closeSync(file);
    },
    free: () => rmSync(ballast),
    [Symbol.dispose]: () => execFileSync("umount", ["-l", path]),
  };
}

function fillBy(file: number, piece: Buffer): void {
  try {
    for (;;) if (writeSync(file, piece) < piece.length) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
