import { exhausted } from "@stigmer/base";
import { GROUP_LIMITS, type StoreLimits } from "./options.ts";
import type { PreparedCommit } from "./prepare.ts";

/** A commit that waits to be written, and its caller. */
export type Waiting = {
  readonly commit: PreparedCommit;
  readonly resolve: (revision: number) => void;
  readonly reject: (error: unknown) => void;
};

/** The commits that wait, in order of arrival. */
export type Queue = {
  /** Refuses with `LIMIT_REACHED` what would wait behind too much. */
  add(waiting: Waiting): void;
  /** Takes from the front what one synced write holds. */
  takeGroup(): readonly Waiting[];
  readonly size: number;
};

export function createQueue(limit: Required<StoreLimits>["waiting"]): Queue {
  let queue: Waiting[] = [];
  let bytes = 0;
  return {
    add(waiting) {
      if (queue.length >= limit.commits || (queue.length > 0 && bytes + waiting.commit.bytes > limit.bytes)) {
        throw exhausted("LIMIT_REACHED", { limit: "waiting commits" });
      }
      queue.push(waiting);
      bytes += waiting.commit.bytes;
    },
    takeGroup() {
      const count = groupSize(queue);
      const group = queue.slice(0, count);
      queue = queue.slice(count);
      for (const { commit } of group) bytes -= commit.bytes;
      return group;
    },
    get size() {
      return queue.length;
    },
  };
}

function groupSize(queue: readonly Waiting[]): number {
  let bytes = 0;
  for (const [at, { commit }] of queue.entries()) {
    bytes += commit.bytes;
    if (at >= GROUP_LIMITS.commits || (at > 0 && bytes > GROUP_LIMITS.bytes)) return at;
  }
  return queue.length;
}
