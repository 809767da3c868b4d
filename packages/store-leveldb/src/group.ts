import { answerStored, leaseFenced, type Precondition, type RowKey, rowMoved } from "@stigmer/store";
import { type Draft, draftOver, type Writes } from "./draft.ts";
import { auditKey, changeKey, STATE_KEY } from "./keys.ts";
import { planJournals } from "./plan-journal.ts";
import { planAnswerDrop, planRecords } from "./plan-records.ts";
import { planReindex } from "./plan-reindex.ts";
import { planRows } from "./plan-rows.ts";
import { planTasks } from "./plan-tasks.ts";
import type { PreparedCommit, Reindex } from "./prepare.ts";
import { answerIn, rowIn, taskIn } from "./read.ts";
import { encodeState, type StoreState } from "./record-codec.ts";

/** A commit that a group has taken in: its revision, the record of its row changes, and the rows that they are about. */
export type Admitted = {
  readonly revision: number;
  readonly record: Uint8Array | undefined;
  readonly changed: readonly RowKey[];
};

/** Commits that become one synced write; each sees what those before it have changed. */
export type Group = {
  /** Takes a commit in, or throws why it is refused; then it has changed nothing. */
  admit(commit: PreparedCommit): Admitted;
  /** Drops answers whose time is over, given entries of the index by expiry. */
  dropAnswers(expiries: readonly string[]): void;
  /** Ends the group: prunes what is no longer kept, in proportion to what came in. `waiting` is by how many tasks more wait. */
  finish(): { readonly writes: Writes; readonly state: StoreState; readonly waiting: number };
};

export type GroupDeps = {
  readonly state: StoreState;
  readonly view: { get(key: string): Uint8Array | undefined };
  readonly now: number;
  readonly keep: { readonly changes: number; readonly audits: number };
};

export function createGroup({ state: before, view, now, keep }: GroupDeps): Group {
  const draft = draftOver(remembering(view));
  let state = before;
  let waiting = 0;

  function admit(commit: PreparedCommit): Admitted {
    const { reindex } = commit;
    return draft.attempt(() => (reindex === undefined ? planCommit(commit) : planReindexing(reindex)));
  }

  function planCommit(commit: PreparedCommit): Admitted {
    const revision = state.revision + 1;
    for (const wanted of commit.preconditions) check(wanted, draft, now);
    const record = planRows(commit, draft, revision);
    planJournals(commit, draft);
    const more = planTasks(commit, draft);
    planRecords(commit, draft, { revision, nextAudit: state.nextAudit });
    waiting += more;
    state = { ...state, revision, nextAudit: state.nextAudit + commit.audits.length };
    return { revision, record, changed: [...commit.puts.map(({ row }) => row), ...commit.deletes] };
  }

  function planReindexing(reindex: Reindex): Admitted {
    planReindex(reindex, draft);
    return { revision: state.revision, record: undefined, changed: [] };
  }

  return {
    admit,
    dropAnswers: (expiries) => {
      for (const expiry of expiries) planAnswerDrop(expiry, draft);
    },
    finish: () => {
      state = prune(draft, { before, state, keep });
      draft.put(STATE_KEY, encodeState(state));
      return { writes: draft.writes, state, waiting };
    },
  };
}

/** A view that does not look twice for what is not there: checks and plans ask for the same keys. */
function remembering(view: GroupDeps["view"]): GroupDeps["view"] {
  const missing = new Set<string>();
  return {
    get(key) {
      if (missing.has(key)) return undefined;
      const value = view.get(key);
      if (value === undefined) missing.add(key);
      return value;
    },
  };
}

function check(wanted: Precondition, draft: Draft, now: number): void {
  if ("row" in wanted) {
    const current = rowIn(draft, wanted.row)?.version ?? 0;
    if (current !== wanted.version) throw rowMoved(wanted.row, { current, sent: wanted.version });
  } else if ("task" in wanted) {
    const task = taskIn(draft, wanted.task);
    if (task?.epoch === wanted.epoch && task.holder === wanted.holder) return;
    throw leaseFenced(wanted.task, { current: task?.epoch ?? 0, sent: wanted.epoch });
  } else if (answerIn(draft, wanted.noAnswer, now) !== undefined) {
    throw answerStored(wanted.noAnswer.key);
  }
}

type Pruning = {
  readonly before: StoreState;
  readonly state: StoreState;
  readonly keep: GroupDeps["keep"];
};

// Twice what came in is pruned, so that a lowered limit is reached in time, within these bounds.
const PRUNE = { least: 16, most: 1_000 };

function prune(draft: Draft, { before, state, keep }: Pruning): StoreState {
  const changesGone = nextFloor(state.changesGone, state.revision - keep.changes, state.revision - before.revision);
  for (let gone = state.changesGone + 1; gone <= changesGone; gone++) draft.remove(changeKey(gone));
  const firstAudit = nextFloor(state.firstAudit, state.nextAudit - keep.audits, state.nextAudit - before.nextAudit);
  for (let gone = state.firstAudit; gone < firstAudit; gone++) draft.remove(auditKey(gone));
  return { ...state, changesGone, firstAudit };
}

function nextFloor(floor: number, wanted: number, came: number): number {
  const slice = Math.min(Math.max(2 * came, PRUNE.least), PRUNE.most);
  return Math.max(floor, Math.min(wanted, floor + slice));
}
