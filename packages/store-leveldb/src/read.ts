import type { Clock } from "@stigmer/base";
import {
  checkAnswerKey,
  checkHash,
  checkQuery,
  checkQueue,
  checkRowKey,
  checkStream,
  checkTaskKey,
  type JournalEntry,
  type MaybePromise,
  type Reader,
  type Row,
  type RowKey,
  type StreamHead,
  type StreamKey,
  type Task,
  type TaskKey,
} from "@stigmer/store";
import { Damaged } from "./damaged.ts";
import type { Gate } from "./gate.ts";
import { decodeEntry, decodeHead, decodeTask, NO_ENTRY } from "./journal-codec.ts";
import {
  answerKey,
  blobKey,
  dueRange,
  dueTask,
  entryKey,
  entryRange,
  headKey,
  nameKey,
  rowKey,
  STATE_KEY,
  storedTask,
  taskKey,
  taskRange,
} from "./keys.ts";
import type { View } from "./level.ts";
import { pageIn } from "./page.ts";
import {
  type AnswerKey,
  decodeAnswer,
  decodeId,
  decodeOpaque,
  decodeState,
  EMPTY_STATE,
  type FoundAnswer,
  type StoreState,
} from "./record-codec.ts";
import { decodeRow } from "./row-codec.ts";

/** What a reader reads: `view`, and for what takes several steps one that does not move meanwhile. */
export type Source = {
  readonly view: View;
  steadily<T>(read: (view: View) => Promise<T>): Promise<T>;
};

type Range = { readonly from: number; readonly limit: number };

/** Up to here it is cheaper to look up entries one by one, at once, than to iterate in another thread. */
const FEW_ENTRIES = 16;
const TASKS_AT_ONCE = 500;

/** Reads through the gate. What is found damaged is refused with `STORE_CORRUPT`. */
export function createReader(deps: { readonly gate: Gate; readonly source: Source; readonly clock: Clock }): Reader {
  const { gate, source, clock } = deps;
  const { view } = source;
  return {
    get(key) {
      checkRowKey(key);
      return gate.through(() => rowIn(view, key));
    },
    getByName(named) {
      checkQuery(named);
      return gate.through(() => rowNamed(view, named));
    },
    page(filter, range) {
      checkQuery(filter, range);
      return gate.through(() =>
        source.steadily(async (steady) => ({ ...(await pageIn(steady, filter, range)), ...revisionIn(steady) })),
      );
    },
    head(key) {
      checkStream(key);
      return gate.through(() => headIn(view, key));
    },
    read(key, range) {
      checkStream(key, range);
      return gate.through(() => entriesIn(view, key, range));
    },
    task(key) {
      checkTaskKey(key);
      return gate.through(() => taskIn(view, key));
    },
    answer(key) {
      checkAnswerKey(key);
      return gate.through(() => answerIn(view, key, clock.now()));
    },
    blob(hash) {
      checkHash(hash);
      return gate.through(() => {
        const value = view.get(blobKey(hash));
        return value === undefined ? undefined : decodeOpaque(value);
      });
    },
  };
}

/** What the newest commit in the view left behind. */
export function stateIn(view: Pick<View, "get">): StoreState {
  const value = view.get(STATE_KEY);
  return value === undefined ? EMPTY_STATE : decodeState(value);
}

function revisionIn(view: Pick<View, "get">): { readonly revision: number } {
  return { revision: stateIn(view).revision };
}

export function rowIn(view: Pick<View, "get">, key: RowKey): Row | undefined {
  const value = view.get(rowKey(key));
  return value === undefined ? undefined : decodeRow(key, value);
}

export function headIn(view: Pick<View, "get">, key: StreamKey): StreamHead {
  const value = view.get(headKey(key));
  return value === undefined ? NO_ENTRY : decodeHead(value);
}

export function taskIn(view: Pick<View, "get">, key: TaskKey): Task | undefined {
  const value = view.get(taskKey(key));
  return value === undefined ? undefined : decodeTask(key, value);
}

/** The answer under the key, unless its time is over at `now`. */
export function answerIn(view: Pick<View, "get">, key: AnswerKey, now: number): FoundAnswer | undefined {
  const value = view.get(answerKey(key));
  if (value === undefined) return undefined;
  const answer = decodeAnswer(key, value);
  return answer.expiresAt > now ? answer : undefined;
}

/** Tasks of a queue that are due, in order of due time. */
export function dueIn(source: Source, queue: string, range: { readonly until: number; readonly limit: number }) {
  checkQueue(queue, range);
  return source.steadily(async (view) => {
    const found = await view.keys(dueRange(queue, range.until), { limit: range.limit });
    return found.map((key) => indexed(taskIn(view, dueTask(key)), key));
  });
}

/** All tasks of a queue in order of key, some at a time. */
export async function* tasksIn(gate: Gate, { view }: Source, queue: string): AsyncGenerator<Task> {
  checkQueue(queue);
  let after: TaskKey | undefined;
  for (;;) {
    const range = taskRange(queue, after);
    const found = await gate.through(() => view.entries(range, { limit: TASKS_AT_ONCE }));
    const tasks = await gate.through(() => found.map(([key, value]) => decodeTask(storedTask(key), value)));
    yield* tasks;
    after = tasks.at(-1);
    if (tasks.length < TASKS_AT_ONCE) return;
  }
}

// The view may move between the two looks; then the second finds another row, or none.
function rowNamed(view: View, named: { tenant: string; kind: string; name: string }): Row | undefined {
  for (let attempt = 0; attempt < 3; attempt++) {
    const id = view.get(nameKey(named));
    if (id === undefined) return undefined;
    const row = rowIn(view, { tenant: named.tenant, kind: named.kind, id: decodeId(id) });
    if (row?.name === named.name) return row;
  }
  throw new Damaged("a name leads to a row that does not have it");
}

function entriesIn(view: View, key: StreamKey, range: Range): MaybePromise<readonly JournalEntry[]> {
  return range.limit > FEW_ENTRIES ? manyEntriesIn(view, key, range) : fewEntriesIn(view, key, range);
}

async function manyEntriesIn(view: View, key: StreamKey, { from, limit }: Range): Promise<readonly JournalEntry[]> {
  const found = await view.entries(entryRange(key, from), { limit });
  const entries = found.map(([, value]) => decodeEntry(value));
  const gap = entries.findIndex((entry, at) => entry.sequence !== from + at);
  if (gap !== -1) throw missing(from + gap);
  if (entries.length < limit) refuseGap(view, key, from + entries.length);
  return entries;
}

function fewEntriesIn(view: View, key: StreamKey, { from, limit }: Range): readonly JournalEntry[] {
  const entries: JournalEntry[] = [];
  while (entries.length < limit) {
    const value = view.get(entryKey(key, from + entries.length));
    if (value === undefined) {
      refuseGap(view, key, from + entries.length);
      break;
    }
    entries.push(decodeEntry(value));
  }
  return entries;
}

// An entry that was not there a moment ago may have been appended since, hence the second look.
function refuseGap(view: View, key: StreamKey, sequence: number): void {
  if (headIn(view, key).sequence < sequence) return;
  if (view.get(entryKey(key, sequence)) === undefined) throw missing(sequence);
}

function missing(sequence: number): Damaged {
  return new Damaged(`journal entry ${sequence} is missing`);
}

function indexed<T>(found: T | undefined, key: string): T {
  if (found === undefined) throw new Damaged(`an index leads nowhere: ${JSON.stringify(key)}`);
  return found;
}
