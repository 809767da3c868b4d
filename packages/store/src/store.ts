import type { Append, JournalEntry, StreamHead, StreamKey, StreamSnapshot, Task, TaskKey } from "./journal.ts";
import type { Change, Page, PageFilter, Row, RowContent, RowFilter, RowKey } from "./row.ts";
import type { IndexEntry } from "./where.ts";

/** A driver that can answer at once does; callers `await` either way. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * All of it is stored at one revision, or nothing is. A batch names a row, a task, an answer or a stream's snapshot at
 * most once; its appends to one stream follow each other.
 */
export type Batch = {
  /**
   * A put whose name another row of its tenant and kind holds, once the batch is stored, refuses the commit with
   * `RESOURCE_EXISTS`; so two rows can swap names.
   */
  readonly puts?: readonly RowContent[];
  /** Deleting what is not there changes nothing. */
  readonly deletes?: readonly RowKey[];
  readonly appends?: readonly Append[];
  /**
   * Each takes the place of the stream's snapshot before. One that is beyond the stream's end, as this batch leaves it, is
   * refused with `INVALID_REQUEST`. Sequence 0 is where a stream begins: what a fork has of its parent.
   */
  readonly streamSnapshots?: readonly (StreamKey & StreamSnapshot)[];
  readonly tasks?: readonly Task[];
  readonly taskDeletes?: readonly TaskKey[];
  /** Content-addressed: `hash` is the SHA-256 of `bytes`. Storing one that is there already is no change. */
  readonly blobs?: readonly { readonly hash: Uint8Array; readonly bytes: Uint8Array }[];
  /** Stored answers of commands, dropped some time after `expiresAt` (milliseconds since the Unix epoch). */
  readonly answers?: readonly StoredAnswer[];
  readonly audits?: readonly Uint8Array[];
};

/** The answer to a command that carried an idempotency key. */
export type StoredAnswer = {
  readonly tenant: string;
  readonly key: string;
  readonly digest: Uint8Array;
  readonly bytes: Uint8Array;
  readonly expiresAt: number;
};

/** What must be true at the moment of the commit; otherwise it is refused with `VERSION_MOVED`, or `LEASE_FENCED` for a task. */
export type Precondition =
  /** The row has this version; 0 means that there is no such row. */
  | { readonly row: RowKey; readonly version: number }
  /** The task has this epoch and this holder. */
  | { readonly task: TaskKey; readonly epoch: number; readonly holder: string }
  /** No answer is stored under the key, or one whose time is over. */
  | { readonly noAnswer: { readonly tenant: string; readonly key: string } };

/** What can be read, from the newest commit or from a snapshot. No call returns another tenant's data. */
export interface Reader {
  get(key: RowKey): MaybePromise<Row | undefined>;
  getByName(filter: {
    readonly tenant: string;
    readonly kind: string;
    readonly name: string;
  }): MaybePromise<Row | undefined>;
  /** At most `limit` rows (1 to 1,000) after id `after`, in id order, bytewise. */
  page(filter: PageFilter, range: { readonly after?: string; readonly limit: number }): MaybePromise<Page>;
  head(key: StreamKey): MaybePromise<StreamHead>;
  /** Entries from sequence `from` (1 is the first), at most `limit`; fewer means that the stream ends there. */
  read(key: StreamKey, range: { readonly from: number; readonly limit: number }): MaybePromise<readonly JournalEntry[]>;
  /** Sequence of the newest entry that has the mark; with `upTo`, of the newest that is not beyond it. */
  marked(key: StreamKey, mark: string, upTo?: number): MaybePromise<number | undefined>;
  /** The snapshot that was stored last, whatever it covers. */
  streamSnapshot(key: StreamKey): MaybePromise<StreamSnapshot | undefined>;
  task(key: TaskKey): MaybePromise<Task | undefined>;
  /** The stored answer, unless its time is over, with the revision of the commit that stored it. */
  answer(key: {
    readonly tenant: string;
    readonly key: string;
  }): MaybePromise<(StoredAnswer & { readonly revision: number }) | undefined>;
  blob(hash: Uint8Array): MaybePromise<Uint8Array | undefined>;
}

/** A view that does not move. */
export interface Snapshot extends Reader, AsyncDisposable {
  readonly revision: number;
}

/**
 * Rows, journals and tasks of every tenant. One write, `commit`; nothing is acknowledged before it is synced. After
 * `close` every call refuses with `STORE_CLOSED`.
 */
export interface Store extends Reader, AsyncDisposable {
  /** Revision of the newest commit; 0 in an empty store. It only grows. */
  revision(): number;
  /**
   * Stores the batch and returns its revision. Refused, it has changed nothing, and what it was refused for can be read
   * by then. Where too much waits to be written it refuses with `LIMIT_REACHED`, and with `STORE_WRITE_FAILED` where the medium is full or failing.
   */
  commit(batch: Batch, preconditions?: readonly Precondition[]): Promise<number>;
  snapshot(): Snapshot;
  /**
   * Each change of matching rows after revision `after`, once, in order, until the signal aborts, which ends the
   * iteration without an error. Never splits a commit between two steps. The first step that meets it throws
   * `WATCH_TOKEN_EXPIRED` when changes that old are no longer kept, or `after` is a revision that this store has not
   * reached; `STORE_CLOSED` when the store is closed.
   */
  watch(filter: RowFilter, options: { readonly after: number; readonly signal: AbortSignal }): Watch;
  /** Tasks of any tenant that are due at `until` or before, in order of due time: leases, or else what waits. */
  due(queue: string, range: DueRange): MaybePromise<readonly Task[]>;
  /** The queues whose names begin with `prefix` and that have a task that does not sleep, in order of name, bytewise. */
  queues(prefix: string): MaybePromise<readonly string[]>;
  /** How many tasks of all queues wait: nobody holds them, and they do not sleep. Costs nothing. */
  backlog(): number;
  /** Tasks of any tenant in order of key, sleeping ones included; for adoption at start. */
  tasks(queue: string): AsyncIterable<Task>;
  /**
   * Gives the rows of these kinds, of every tenant, the entries that are now wanted, unless that was done for the same
   * signature. Neither versions nor the revision move, and no watch sees it. Interrupted, it begins anew at the next
   * call. Returns the number of rows that it has looked at.
   */
  reindex(kinds: readonly KindIndex[]): Promise<number>;
  close(): Promise<void>;
}

/** Which tasks are asked for: with `held` leases, which somebody holds, otherwise those that wait; at most `limit`. */
export type DueRange = { readonly until: number; readonly limit: number; readonly held: boolean };

/** How the rows of a kind are indexed; `signature` differs wherever `entriesOf` does. */
export type KindIndex = {
  readonly kind: string;
  readonly signature: string;
  readonly entriesOf: (row: Row) => readonly IndexEntry[];
};

/** Changes, some at a time. Drivers may hand out one change to many watches, so nobody may change it. */
export interface Watch extends AsyncIterable<readonly Change[]> {
  /**
   * Revision up to which the reader has got every matching change; it counts a step once the one after it is asked for.
   * It also grows while only other rows change.
   */
  position(): number;
}
