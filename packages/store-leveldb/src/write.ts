import { type Batch, type Precondition, storeClosed } from "@stigmer/store";
import type { StoreLimits } from "./options.ts";
import { type PreparedCommit, prepare, type Reindex } from "./prepare.ts";
import { createQueue } from "./queue.ts";
import type { GroupWriter } from "./write-group.ts";

/** The one writer of a store. */
export type Writer = {
  /** As `Store.commit`. Commits that wait at the same moment share one synced write. */
  commit(batch: Batch, preconditions?: readonly Precondition[]): Promise<number>;
  /** Indexes rows anew, in line with the commits. */
  reindex(of: Reindex): Promise<void>;
  /** Refuses later commits, and resolves once those that wait are written. */
  close(): Promise<void>;
};

export function createWriter(groups: GroupWriter, limit: Required<StoreLimits>["waiting"]): Writer {
  const queue = createQueue(limit);
  let running: Promise<void> | undefined;
  let closed = false;

  async function commit(batch: Batch, preconditions: readonly Precondition[] = []): Promise<number> {
    if (closed) throw storeClosed();
    return await add(prepare(batch, preconditions));
  }

  async function add(prepared: PreparedCommit): Promise<number> {
    return await new Promise<number>((resolve, reject) => {
      queue.add({ commit: prepared, resolve, reject });
      running ??= run();
    });
  }

  async function run(): Promise<void> {
    do {
      await turn();
      await groups.write(queue.takeGroup());
    } while (queue.size > 0);
    running = undefined;
  }

  return {
    commit,
    async reindex(of) {
      if (closed) throw storeClosed();
      await add({ ...prepare({}, []), reindex: of });
    },
    async close() {
      closed = true;
      await running;
      await groups.settle();
    },
  };
}

// One turn of the event loop, no time: whoever is about to commit, as all whom the last group has answered, joins.
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
