import type { RowFilter, RowKey, StreamKey, TaskKey } from "@stigmer/store";

/**
 * Where everything stands. A key is a letter and the fields that it is found by, with NUL between them, which no
 * identifier holds; LevelDB orders keys by their UTF-8 bytes, so the last field is in bytewise order.
 *
 * | key | value |
 * | --- | --- |
 * | `m schema` | version of this layout |
 * | `m state` | revision, and what is still kept of changes and audits |
 * | `r tenant kind id` | row |
 * | `n tenant kind name` | id of the row that has the name |
 * | `p tenant kind parent id` | empty; the rows of a parent |
 * | `i tenant kind field =value id` | empty; the rows that are found by an entry, see `index-keys.ts` |
 * | `m index kind` | signature of the entries that the rows of the kind have |
 * | `c revision` | the row changes of a commit; none where it changed no row |
 * | `j tenant stream sequence` | journal entry |
 * | `h tenant stream` | the stream's last sequence and hash |
 * | `k tenant stream mark sequence` | empty; the journal entries that have the mark |
 * | `s tenant stream` | the stream's snapshot |
 * | `t queue tenant id` | task |
 * | `d queue time tenant id` | empty; the tasks that wait, by due time |
 * | `l queue time tenant id` | empty; the leases, by due time |
 * | `b hash` | blob |
 * | `a tenant key` | stored answer |
 * | `x time tenant key` | empty; the answers by the time at which they may go |
 * | `u number` | audit record |
 *
 * Whole numbers are 14 hexadecimal digits, times 16 that order like the number.
 */
export const SCHEMA_KEY = "m\0schema";
export const STATE_KEY = "m\0state";

/** Keys from `gte`, or after `gt`, and below `lt`. */
export type KeyRange = { readonly gte?: string; readonly gt?: string; readonly lt: string };

type Named = { readonly tenant: string; readonly kind: string; readonly name: string };
type AnswerKey = { readonly tenant: string; readonly key: string };

export const rowKey = (key: RowKey): string => `r\0${key.tenant}\0${key.kind}\0${key.id}`;
export const nameKey = (key: Named): string => `n\0${key.tenant}\0${key.kind}\0${key.name}`;
export const parentKey = (key: RowKey & { readonly parent: string }): string =>
  `p\0${key.tenant}\0${key.kind}\0${key.parent}\0${key.id}`;
export const changeKey = (revision: number): string => `c\0${wholeDigits(revision)}`;
export const entryKey = (key: StreamKey, sequence: number): string =>
  `j\0${key.tenant}\0${key.stream}\0${wholeDigits(sequence)}`;
export const headKey = (key: StreamKey): string => `h\0${key.tenant}\0${key.stream}`;
export const taskKey = (key: TaskKey): string => `t\0${key.queue}\0${key.tenant}\0${key.id}`;
export const markKey = (key: StreamKey, mark: string, sequence: number): string =>
  `k\0${key.tenant}\0${key.stream}\0${mark}\0${wholeDigits(sequence)}`;
export const streamSnapshotKey = (key: StreamKey): string => `s\0${key.tenant}\0${key.stream}`;

/** Where a task that does not sleep is found by its due time. */
export const dueKey = (task: TaskKey & { readonly holder: string }, dueAt: number): string =>
  `${dueLetter(task.holder !== "")}\0${task.queue}\0${timeDigits(dueAt)}\0${task.tenant}\0${task.id}`;
export const blobKey = (hash: Uint8Array): string => `b\0${Buffer.from(hash).toString("hex")}`;
export const answerKey = (key: AnswerKey): string => `a\0${key.tenant}\0${key.key}`;
export const expiryKey = (key: AnswerKey, expiresAt: number): string =>
  `x\0${timeDigits(expiresAt)}\0${key.tenant}\0${key.key}`;
export const auditKey = (number: number): string => `u\0${wholeDigits(number)}`;

/** What the entries that list the rows of a parent begin with, before NUL and an id. */
export const parentPrefix = ({ tenant, kind, parent }: Required<RowFilter>): string =>
  `p\0${tenant}\0${kind}\0${parent}`;

/** Where the signature of a kind's index entries stands. */
export const signatureKey = (kind: string): string => `m\0index\0${kind}`;

/** The rows of a kind, or the entries that list the rows of a parent, after id `after`. */
export function pageRange(filter: RowFilter, after: string): KeyRange {
  const { tenant, kind, parent } = filter;
  const prefix = parent === undefined ? `r\0${tenant}\0${kind}` : parentPrefix({ tenant, kind, parent });
  return { gt: `${prefix}\0${after}`, lt: `${prefix}\x01` };
}

/** Rows of any tenant and kind, after a key. */
export function rowRange(after: string): KeyRange {
  return { gt: after, lt: "r\x01" };
}

export function entryRange(key: StreamKey, from: number): KeyRange {
  return { gte: entryKey(key, from), lt: `j\0${key.tenant}\0${key.stream}\x01` };
}

/** Commits after one revision, up to and with another. */
export function changeRange(after: number, last: number): KeyRange {
  return { gte: changeKey(after + 1), lt: changeKey(last + 1) };
}

/** Tasks of a queue, after the one that was seen last. */
export function taskRange(queue: string, after?: TaskKey): KeyRange {
  return { gt: after === undefined ? `t\0${queue}\0` : taskKey(after), lt: `t\0${queue}\x01` };
}

/** The entries of a stream that have the mark, up to a sequence. */
export function markRange(key: StreamKey, mark: string, upTo: number): KeyRange {
  return { gte: markKey(key, mark, 1), lt: markKey(key, mark, upTo + 1) };
}

/** Tasks of a queue that are due, either leases or those that wait. */
export function dueRange(queue: string, { until, held }: { readonly until: number; readonly held: boolean }): KeyRange {
  const prefix = `${dueLetter(held)}\0${queue}\0`;
  return { gte: prefix, lt: `${prefix}${timeDigits(until)}\x01` };
}

/** Leases or tasks that wait, of any queue whose name is `from` or comes after it. */
export function queuesRange(from: string, held: boolean): KeyRange {
  return { gte: `${dueLetter(held)}\0${from}`, lt: `${dueLetter(held)}\x01` };
}

/** What comes first behind the due times of a queue. */
export function behindQueue(queue: string, held: boolean): string {
  return `${dueLetter(held)}\0${queue}\x01`;
}

/** Answers whose time is over at `now`. */
export function expiryRange(now: number): KeyRange {
  return { gte: "x\0", lt: `x\0${timeDigits(now)}\x01` };
}

/** The last field of a key. */
export function lastField(key: string): string {
  return key.slice(key.lastIndexOf("\0") + 1);
}

/** The key of the row that stands at `key`. */
export function storedRow(key: string): RowKey {
  const [, tenant = "", kind = "", id = ""] = key.split("\0");
  return { tenant, kind, id };
}

/** The queue that a due time is of. */
export function dueQueue(key: string): string {
  return key.slice(2, key.indexOf("\0", 2));
}

export function dueTask(key: string): TaskKey {
  const [, queue = "", , tenant = "", id = ""] = key.split("\0");
  return { queue, tenant, id };
}

export function storedTask(key: string): TaskKey {
  const [, queue = "", tenant = "", id = ""] = key.split("\0");
  return { queue, tenant, id };
}

export function expiredAnswer(key: string): AnswerKey {
  const [, , tenant = "", name = ""] = key.split("\0");
  return { tenant, key: name };
}

export function markedSequence(key: string): number {
  return Number.parseInt(lastField(key), 16);
}

export function changeRevision(key: string): number {
  return Number.parseInt(lastField(key), 16);
}

function dueLetter(held: boolean): string {
  return held ? "l" : "d";
}

function wholeDigits(value: number): string {
  return value.toString(16).padStart(14, "0");
}

/** For one call at a time; a new one for each would cost more than all the rest of a key. */
const BITS = new DataView(new ArrayBuffer(8));

// The bits of a double order like its value once the sign bit is flipped, and all of them are where it was set.
function timeDigits(value: number): string {
  BITS.setFloat64(0, value + 0);
  const high = BITS.getUint32(0);
  const low = BITS.getUint32(4);
  return high < 0x8000_0000 ? halfDigits(high + 0x8000_0000) + halfDigits(low) : halfDigits(~high) + halfDigits(~low);
}

function halfDigits(half: number): string {
  return (half >>> 0).toString(16).padStart(8, "0");
}
