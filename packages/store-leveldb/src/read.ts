import type { Clock } from "@stigmer/base";
import {
  checkAnswerKey,
  checkHash,
  checkMark,
  checkQuery,
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
import { decodeEntry, decodeHead, decodeSnapshot, decodeTask, NO_ENTRY } from "./journal-codec.ts";
import {
  answerKey,
  blobKey,
  entryKey,
  entryRange,
  headKey,
  type KeyRange,
  markedSequence,
  markRange,
  nameKey,
  rowKey,
  STATE_KEY,
  streamSnapshotKey,
  taskKey,
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
    marked(key, mark, upTo) {
      checkMark(key, mark, upTo);
      return gate.through(() => markedIn(view, markRange(key, mark, upTo ?? Number.MAX_SAFE_INTEGER - 1)));
    },
    streamSnapshot(key) {
      checkStream(key);
      return gate.through(() => {
        const value = view.get(streamSnapshotKey(key));
        return value === undefined ? undefined : decodeSnapshot(value);
      });
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

async function markedIn(view: View, range: KeyRange): Promise<number | undefined> {
  const key = await view.lastKey(range);
  return key === undefined ? undefined : markedSequence(key);
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
  const isFew = range.limit <= FEW_ENTRIES || headIn(view, key).sequence - range.from < FEW_ENTRIES;
  return isFew ? fewEntriesIn(view, key, range) : manyEntriesIn(view, key, range);
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
