import type { Clock, Log } from "@stigmer/base";
import type { Writes } from "./draft.ts";
import { type Admitted, createGroup, type Group } from "./group.ts";
import { createHotValues } from "./hot-values.ts";
import { type Level, viewOf, writeSynced } from "./level.ts";
import { readFault, type Site, writeFault } from "./level-errors.ts";
import type { StoreLimits } from "./options.ts";
import type { Waiting } from "./queue.ts";
import { stateIn } from "./read.ts";
import type { StoreState } from "./record-codec.ts";
import { createSweep } from "./sweep.ts";

export type GroupWriterDeps = {
  readonly level: Level;
  readonly site: Site;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Required<StoreLimits>;
  /** How many tasks wait at first. */
  readonly backlog: number;
  /**
   * Makes the database fit to be written again after a write has failed, and repairs it before anybody reads it; rejects
   * while that can't be.
   */
  readonly heal: (repair: () => Promise<void>) => Promise<void>;
  /** Told of a group's commits, in order, once they are synced and before their callers are. */
  readonly publish: (commits: readonly Admitted[], state: StoreState) => void;
};

/** Writes groups of commits, one group at a time. */
export type GroupWriter = {
  /** Writes those of the commits that are not refused, and answers each caller. Never rejects. */
  write(group: readonly Waiting[]): Promise<void>;
  /** Rids the database of what a failed write may have left in it, if the medium lets it. Never rejects. */
  settle(): Promise<void>;
  /** What the newest acknowledged commit left behind. */
  state(): StoreState;
  /** How many tasks wait as of then. */
  backlog(): number;
};

const HOT_BYTES = 8 * 1024 * 1024;

type Accepted = { readonly caller: Waiting; readonly admitted: Admitted };

export function createGroupWriter(deps: GroupWriterDeps): GroupWriter {
  const { level, site, clock, log, limits } = deps;
  const view = viewOf(level);
  const sweep = createSweep({ view, clock, log });
  const hot = createHotValues(view, HOT_BYTES);
  const keep = { changes: limits.keepChanges, audits: limits.keepAudits };
  let state = stateIn(view);
  let backlog = deps.backlog;
  let undo: Writes | undefined;

  async function write(waiting: readonly Waiting[]): Promise<void> {
    try {
      await mend();
      const expired = await sweep.expired();
      const group = createGroup({ state, view: hot, now: clock.now(), keep });
      const { accepted, refused } = admitAll(group, waiting, site);
      group.dropAnswers(expired);
      if (accepted.length > 0) await store(group, accepted);
      // Only now, so that who was refused for another's commit finds that one when it looks again.
      for (const { caller, error } of refused) caller.reject(error);
    } catch (error) {
      for (const { reject } of waiting) reject(writeFault(error, site));
    }
  }

  async function store(group: Group, accepted: readonly Accepted[]): Promise<void> {
    const { writes, state: next, waiting } = group.finish();
    await using before = level.snapshot();
    try {
      await writeSynced(level, writes);
    } catch (error) {
      log.error({ error, commits: accepted.length }, "store write failed");
      undo = new Map([...writes.keys()].map((key) => [key, level.getSync(key, { snapshot: before })]));
      await settle();
      throw error;
    }
    state = next;
    backlog += waiting;
    hot.add(writes);
    deps.publish(
      accepted.map(({ admitted }) => admitted),
      state,
    );
    for (const { caller, admitted } of accepted) caller.resolve(admitted.revision);
  }

  // A write that failed may still be found on disk later, though its callers were told that it changed nothing.
  async function mend(): Promise<void> {
    const writes = undo;
    if (writes === undefined) return;
    await deps.heal(async () => {
      if (stateIn(view).revision !== state.revision) await writeSynced(level, writes);
    });
    undo = undefined;
    log.info({ revision: state.revision }, "store was opened again after a failed write");
  }

  async function settle(): Promise<void> {
    await mend().catch((error: unknown) => log.warn({ error }, "store can't be opened again after a failed write yet"));
  }

  return { write, settle, state: () => state, backlog: () => backlog };
}

function admitAll(group: Group, waiting: readonly Waiting[], site: Site) {
  const accepted: Accepted[] = [];
  const refused: { readonly caller: Waiting; readonly error: unknown }[] = [];
  for (const caller of waiting) {
    try {
      accepted.push({ caller, admitted: group.admit(caller.commit) });
    } catch (error) {
      refused.push({ caller, error: readFault(error, site) });
    }
  }
  return { accepted, refused };
}
