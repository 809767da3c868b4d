import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that is there until the bench's part ends. */
export function temporaryHome(resources: AsyncDisposableStack): string {
  const home = mkdtempSync(join(tmpdir(), "stigmer-bench-"));
  resources.defer(() => rmSync(home, { recursive: true, force: true }));
  return home;
}
