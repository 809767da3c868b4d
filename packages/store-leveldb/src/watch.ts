import { expired, type Fault } from "@stigmer/base";
import { type Change, checkQuery, type RowFilter, type Watch } from "@stigmer/store";
import { createDecoded } from "./decoded.ts";
import type { Gate } from "./gate.ts";
import type { Admitted } from "./group.ts";
import { changeRange, changeRevision } from "./keys.ts";
import { type Level, steadily, type View, viewOf } from "./level.ts";
import { stateIn } from "./read.ts";
import { createRecent, type Recorded } from "./recent.ts";
import type { StoreState } from "./record-codec.ts";
import { createSharedFinds, type Found } from "./shared-finds.ts";
import { createSleepers, type Sleep } from "./sleepers.ts";

/** Feeds watches with the changes of commits: from memory, or where a watch is far behind, from disk. */
export type Feed = {
  /** Takes a group's commits in, in order, and wakes the watches that they concern. */
  publish(commits: readonly Admitted[], state: StoreState): void;
  /** As `Store.watch`. */
  watch(filter: RowFilter, options: WatchOptions): Watch;
  /** Wakes every watch, so that it meets the closed gate. */
  close(): void;
};

export type WatchOptions = { readonly after: number; readonly signal: AbortSignal };

export type FeedDeps = {
  readonly level: Level;
  readonly gate: Gate;
  readonly start: StoreState;
  readonly recent: { readonly commits: number; readonly bytes: number };
};

/** Commits for a watch to look through, and the revision up to which they are all. */
type Stretch = { readonly commits: readonly Recorded[]; readonly upTo: number };

const COMMITS_AT_ONCE = 500;
const BYTES_AT_ONCE = 1024 * 1024;

export function createFeed({ level, gate, start, recent: bound }: FeedDeps): Feed {
  const recent = createRecent(start.revision, bound);
  const decoded = createDecoded();
  const shared = createSharedFinds();
  const sleepers = createSleepers();
  let state = start;

  function find(filter: RowFilter, position: number): Found | Promise<Found> {
    if (position < state.changesGone) throw tokenExpired(position, state);
    const commits = recent.after(position, COMMITS_AT_ONCE);
    if (commits === undefined) return findOnDisk(filter, position);
    const last = commits.length < COMMITS_AT_ONCE ? undefined : commits.at(-1)?.revision;
    return shared.of(filter, position, () => matching({ commits, upTo: last ?? state.revision }, filter));
  }

  function matching({ commits, upTo }: Stretch, filter: RowFilter): Found {
    return {
      changes: commits.flatMap((commit) => decoded.of(commit).filter((change) => isAbout(change, filter))),
      upTo,
    };
  }

  async function findOnDisk(filter: RowFilter, position: number): Promise<Found> {
    const { revision } = state;
    return matching(await steadily(level, (view) => readStretch(view, position, revision)), filter);
  }

  function watch(filter: RowFilter, { after, signal }: WatchOptions): Watch {
    let position = after;
    let sleep: Sleep | undefined;

    async function* run(): AsyncGenerator<readonly Change[]> {
      checkQuery(filter);
      if (!signal.aborted) await gate.through(() => refuseUnknown(level, after));
      while (!signal.aborted) {
        const { changes, upTo } = await gate.through(() => find(filter, position));
        if (changes.length > 0) yield changes;
        // A page can be ahead of `state` by what is on disk and not yet acknowledged; so can the watch that it began.
        position = Math.max(position, upTo);
        if (position < state.revision || signal.aborted || gate.closed) continue;
        sleep = sleepers.sleep(topicOf(filter), signal);
        position = Math.max(position, (await sleep.woken) ?? position);
        sleep = undefined;
      }
    }

    const steps = run();
    return {
      [Symbol.asyncIterator]: () => steps,
      // Who sleeps would have been woken by a change that concerns it.
      position: () => (sleep?.asleep ? Math.max(position, state.revision) : position),
    };
  }

  function publish(commits: readonly Admitted[], next: StoreState): void {
    const before = state.revision;
    state = next;
    shared.clear();
    recent.add(commits.flatMap(({ revision, record }) => (record === undefined ? [] : [{ revision, record }])));
    if (!sleepers.any) return;
    // A watch that slept has seen all that came before this group.
    const topics = new Set(commits.flatMap(({ changed }) => changed.map(topicOf)));
    for (const topic of topics) sleepers.wake(topic, before);
  }

  return { watch, publish, close: () => sleepers.wakeAll(state.revision) };
}

async function readStretch(view: View, position: number, newest: number): Promise<Stretch> {
  const state = stateIn(view);
  if (position < state.changesGone) throw tokenExpired(position, state);
  const bounds = { limit: COMMITS_AT_ONCE, maxBytes: BYTES_AT_ONCE };
  const entries = await view.entries(changeRange(position, newest), bounds);
  const commits = entries.map(([key, record]) => ({ revision: changeRevision(key), record }));
  return { commits, upTo: commits.at(-1)?.revision ?? newest };
}

function isAbout({ row }: Change, { tenant, kind, parent }: RowFilter): boolean {
  return row.kind === kind && row.tenant === tenant && (parent === undefined || row.parent === parent);
}

function refuseUnknown(level: Level, after: number): void {
  const state = stateIn(viewOf(level));
  if (after > state.revision) throw tokenExpired(after, state);
}

function tokenExpired(after: number, { changesGone, revision }: StoreState): Fault {
  return expired("WATCH_TOKEN_EXPIRED", { after, first: changesGone, last: revision });
}

function topicOf({ tenant, kind }: { readonly tenant: string; readonly kind: string }): string {
  return `${tenant}\0${kind}`;
}
