import { precondition } from "@stigmer/base";
import { Damaged } from "./damaged.ts";
import { indexKeys } from "./index-keys.ts";
import { dueKey, dueTask, queuesRange, SCHEMA_KEY, STATE_KEY } from "./keys.ts";
import { type Level, viewOf, writeSynced } from "./level.ts";
import type { Site } from "./level-errors.ts";
import { taskIn } from "./read.ts";
import { decodeCount, EMPTY_STATE, encodeCount, encodeState, NOTHING } from "./record-codec.ts";
import { rowsAtOnce } from "./reindex.ts";

/** Brings the layout from the version of its place in the list, counted from 1, to the next. Can be repeated. */
type Migration = (level: Level) => Promise<void>;

const DUE_AT_ONCE = 1_000;

const MIGRATIONS: readonly Migration[] = [indexLabels, indexLeases];

/** The version of the layout in `keys.ts`. */
export const SCHEMA = 1 + MIGRATIONS.length;

/**
 * Brings the layout of an open database up to date, and marks an empty one with its version. Refuses, before it writes
 * anything, a newer layout with `STORE_SCHEMA_UNKNOWN`, and what no version of the driver has written as damaged.
 */
export async function migrate(level: Level, site: Site): Promise<void> {
  const stored = level.getSync(SCHEMA_KEY);
  if (stored === undefined) return await begin(level);
  const found = decodeCount(stored);
  if (found > SCHEMA) {
    throw precondition("STORE_SCHEMA_UNKNOWN", { dir: site.dir, found, newest: SCHEMA });
  }
  if (level.getSync(STATE_KEY) === undefined) throw new Damaged("the revision is missing");
  for (const [at, step] of MIGRATIONS.entries()) {
    if (at + 1 < found) continue;
    await step(level);
    await writeSynced(level, new Map([[SCHEMA_KEY, encodeCount(at + 2)]]));
  }
}

/** 1 to 2: rows are found by their labels. The form of rows and changes already allows for what is new. */
async function indexLabels(level: Level): Promise<void> {
  const view = viewOf(level);
  for await (const rows of rowsAtOnce(view)) {
    const keys = rows.flatMap((row) => indexKeys(row, row));
    if (keys.length > 0) await writeSynced(level, new Map(keys.map((key) => [key, NOTHING])));
  }
}

/** 2 to 3: leases have an index of their due times apart from the tasks that wait; they stood among those. */
async function indexLeases(level: Level): Promise<void> {
  const view = viewOf(level);
  const { gte = "", lt } = queuesRange("", false);
  for (let after = gte; ; ) {
    const found = await view.keys({ gt: after, lt }, { limit: DUE_AT_ONCE });
    const leases = found.flatMap((key) => {
      const task = taskIn(view, dueTask(key));
      return task === undefined || task.holder === "" || task.dueAt === undefined
        ? []
        : [[key, task, task.dueAt] as const];
    });
    const moved = leases.flatMap(([key, task, dueAt]) => [
      [key, undefined] as const,
      [dueKey(task, dueAt), NOTHING] as const,
    ]);
    if (moved.length > 0) await writeSynced(level, new Map(moved));
    after = found.at(-1) ?? after;
    if (found.length < DUE_AT_ONCE) return;
  }
}

async function begin(level: Level): Promise<void> {
  const [anything] = await viewOf(level).keys({ gte: "", lt: "\u{10ffff}" }, { limit: 1 });
  if (anything !== undefined) throw new Damaged("the version of the layout is missing");
  const state = encodeState(EMPTY_STATE);
  await writeSynced(
    level,
    new Map([
      [SCHEMA_KEY, encodeCount(SCHEMA)],
      [STATE_KEY, state],
    ]),
  );
}
