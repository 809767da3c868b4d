import type { Clock, Log } from "@stigmer/base";
import type { Snapshot, Store } from "@stigmer/store";
import { createGate, type Gate } from "./gate.ts";
import { type Level, makeRoomForKeys, steadily, viewOf } from "./level.ts";
import { openFault, type Site } from "./level-errors.ts";
import { migrate } from "./migrate.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "./options.ts";
import { createReader, type Source, stateIn } from "./read.ts";
import { countWaiting, dueIn, queuesIn, tasksIn } from "./read-tasks.ts";
import { reindex } from "./reindex.ts";
import { createFeed } from "./watch.ts";
import { createWriter } from "./write.ts";
import { createGroupWriter } from "./write-group.ts";

/** What a store over a given database needs to know. */
export type StoreOverOptions = StoreLimits & {
  readonly clock: Clock;
  readonly log: Log;
  /** What faults say about the place. */
  readonly site?: Site;
  /** Called before the database is opened again because a write has failed; rejects while that would be in vain. */
  readonly beforeReopen?: () => Promise<void>;
  /** Called once the database is closed. */
  readonly afterClose?: () => Promise<void>;
};

/**
 * The driver over a database that may be any abstract-level with keys `utf8`, values `view`, synchronous reads and
 * snapshots. Opens it, and owns it from then on: `close` closes it. Refuses a layout that is newer than the driver's with
 * `STORE_SCHEMA_UNKNOWN`. Takes no lock and makes no backup: that is `openLevelStore`.
 */
export async function storeOver(level: Level, options: StoreOverOptions): Promise<Store> {
  const site = options.site ?? { dir: "memory", backup: "none" };
  try {
    await level.open();
    makeRoomForKeys(level);
    await migrate(level, site);
    return createStore(level, { ...options, site, backlog: await countWaiting(viewOf(level)) });
  } catch (error) {
    await level.close();
    throw openFault(error, site);
  }
}

type Opened = StoreOverOptions & { readonly site: Site; readonly backlog: number };

function createStore(level: Level, options: Opened): Store {
  const { clock, log, site, backlog, afterClose = async () => {}, beforeReopen = async () => {} } = options;
  const limits = { ...DEFAULT_LIMITS, ...options };
  const gate = createGate(level, site);
  const source: Source = { view: viewOf(level), steadily: (read) => steadily(level, read) };
  const feed = createFeed({ level, gate, start: stateIn(source.view), recent: limits.recent });
  const heal = (repair: () => Promise<void>) => beforeReopen().then(() => gate.reopen(repair));
  const groups = createGroupWriter({ level, site, clock, log, limits, backlog, heal, publish: feed.publish });
  const writer = createWriter(groups, limits.waiting);
  let closing: Promise<void> | undefined;

  async function end(): Promise<void> {
    gate.shut();
    feed.close();
    await writer.close();
    try {
      await level.close();
    } finally {
      await afterClose();
    }
  }

  const store: Store = {
    ...createReader({ gate, source, clock }),
    commit: writer.commit,
    revision: () => gate.known(() => groups.state().revision),
    snapshot: () => gate.now(() => createSnapshot(level, { gate, clock })),
    watch: feed.watch,
    due: (queue, range) => gate.through(() => dueIn(source, queue, range)),
    queues: (prefix) => gate.through(() => queuesIn(source, prefix)),
    backlog: () => gate.known(() => groups.backlog()),
    tasks: (queue) => tasksIn(gate, source, queue),
    reindex: (kinds) => reindex({ gate, view: source.view, writer }, kinds),
    close: () => (closing ??= end()),
    [Symbol.asyncDispose]: () => store.close(),
  };
  return store;
}

function createSnapshot(level: Level, deps: { readonly gate: Gate; readonly clock: Clock }): Snapshot {
  const snapshot = level.snapshot();
  const view = viewOf(level, snapshot);
  const source: Source = { view, steadily: (read) => read(view) };
  const { revision } = stateIn(view);
  return {
    ...createReader({ ...deps, source }),
    revision,
    [Symbol.asyncDispose]: () => snapshot.close(),
  };
}
