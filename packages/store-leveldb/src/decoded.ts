import type { Change } from "@stigmer/store";
import type { Recorded } from "./recent.ts";
import { decodeChanges } from "./row-codec.ts";

/** The changes in the records of commits, decoded once for all watches that read them at about the same time. */
export type Decoded = { of(commit: Recorded): readonly Change[] };

/** So many commits are kept decoded, and none that is larger. */
const MOST_COMMITS = 1_024;
const MOST_CHANGES = 256;

export function createDecoded(): Decoded {
  const known = new Map<number, readonly Change[]>();

  function keep(revision: number, changes: readonly Change[]): void {
    if (changes.length > MOST_CHANGES) return;
    known.set(revision, changes);
    for (const oldest of known.keys()) {
      if (known.size <= MOST_COMMITS) break;
      known.delete(oldest);
    }
  }

  return {
    of({ revision, record }) {
      const found = known.get(revision);
      if (found !== undefined) return found;
      const changes = decodeChanges(revision, record);
      keep(revision, changes);
      return changes;
    },
  };
}
