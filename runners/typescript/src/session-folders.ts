import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A private folder for each session that has no workspace. Not asynchronous, so that they go when the process exits. */
export interface SessionFolders {
  of(sessionId: string): string;
  /** Removes the folder of a session that is over, where it has one. */
  removeOf(sessionId: string): void;
  remove(): void;
}

export function createSessionFolders(): SessionFolders {
  const bySession = new Map<string, string>();
  return {
    of(sessionId) {
      const folder = bySession.get(sessionId) ?? mkdtempSync(join(tmpdir(), "stigmer-runner-"));
      bySession.set(sessionId, folder);
      return folder;
    },
    removeOf(sessionId) {
      const folder = bySession.get(sessionId);
      if (folder === undefined) return;
      rmSync(folder, { recursive: true, force: true });
      // One that could not be removed is tried again when the process exits.
      bySession.delete(sessionId);
    },
    remove() {
      for (const folder of bySession.values()) rmSync(folder, { recursive: true, force: true });
      bySession.clear();
    },
  };
}
