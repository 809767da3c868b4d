import { invalid, type Violation } from "@stigmer/base";
import { identifierProblem, MAX_MARK_BYTES, textProblem } from "./identifiers.ts";
import type { Append, StreamKey, Task, TaskKey } from "./journal.ts";
import type { PageFilter, RowContent, RowKey } from "./row.ts";
import type { Batch, DueRange, Precondition, StoredAnswer } from "./store.ts";
import { isLabelField, type Where } from "./where.ts";

/** Most rows in one page. */
export const MAX_PAGE_ROWS = 1_000;

/** Most values that the terms of one page's `where` name. */
export const MAX_WHERE_VALUES = 2_000;

const HASH_BYTES = 32;

type Violations = Violation[];

/** Refuses a batch or precondition that no driver takes, with one violation per field. Looks at nothing stored. */
export function checkCommit(batch: Batch, preconditions: readonly Precondition[]): void {
  const found: Violations = [];
  checkRows(found, batch);
  checkAppends(found, batch);
  checkStreamSnapshots(found, batch);
  checkTasks(found, batch);
  checkAnswers(found, batch.answers ?? []);
  for (const [at, { hash }] of (batch.blobs ?? []).entries()) checkDigest(found, `blobs[${at}].hash`, hash);
  for (const [at, wanted] of preconditions.entries()) checkPrecondition(found, `preconditions[${at}]`, wanted);
  refuse(found);
}

/** Refuses a key that could name no row. */
export function checkRowKey(key: RowKey): void {
  const found: Violations = [];
  rowKey(found, "", key);
  refuse(found);
}

/** Refuses a filter, a name to look up, or a range that no driver takes. */
export function checkQuery(
  filter: PageFilter & { readonly name?: string },
  range?: { readonly after?: string; readonly limit: number },
): void {
  const found: Violations = [];
  identifier(found, "tenant", filter.tenant);
  identifier(found, "kind", filter.kind);
  if (filter.parent !== undefined) identifier(found, "parent", filter.parent);
  if (filter.name !== undefined) identifier(found, "name", filter.name);
  if (filter.where !== undefined) checkWhere(found, filter.where);
  if (range?.after !== undefined) optionalIdentifier(found, "after", range.after);
  if (range !== undefined) whole(found, "limit", range.limit, { least: 1, most: MAX_PAGE_ROWS });
  refuse(found);
}

/** Refuses a stream's key, and a range of its entries, that no driver takes. */
export function checkStream(key: StreamKey, range?: { readonly from: number; readonly limit: number }): void {
  const found: Violations = [];
  streamKey(found, "", key);
  if (range !== undefined) {
    whole(found, "from", range.from, { least: 1 });
    whole(found, "limit", range.limit, { least: 1 });
  }
  refuse(found);
}

/** Refuses a stream's key, a mark, and a bound of its search, that no driver takes. */
export function checkMark(key: StreamKey, mark: string, upTo?: number): void {
  const found: Violations = [];
  streamKey(found, "", key);
  markKey(found, "mark", mark);
  if (upTo !== undefined) whole(found, "upTo", upTo, { least: 0 });
  refuse(found);
}

/** Refuses a task's key that no driver takes. */
export function checkTaskKey(key: TaskKey): void {
  const found: Violations = [];
  taskKey(found, "", key);
  refuse(found);
}

/** Refuses a queue's name, and a range of due times, that no driver takes. */
export function checkQueue(queue: string, range?: DueRange): void {
  const found: Violations = [];
  identifier(found, "queue", queue);
  if (range !== undefined) {
    time(found, "until", range.until);
    whole(found, "limit", range.limit, { least: 1 });
  }
  refuse(found);
}

/** Refuses what no queue's name begins with. */
export function checkQueuePrefix(prefix: string): void {
  const found: Violations = [];
  optionalIdentifier(found, "prefix", prefix);
  refuse(found);
}

/** Refuses the key of an answer that no driver takes. */
export function checkAnswerKey(key: { readonly tenant: string; readonly key: string }): void {
  const found: Violations = [];
  answerKey(found, "", key);
  refuse(found);
}

/** Refuses what is not the size of a SHA-256. */
export function checkHash(hash: Uint8Array): void {
  const found: Violations = [];
  checkDigest(found, "hash", hash);
  refuse(found);
}

function checkRows(found: Violations, batch: Batch): void {
  const seen = new Set<string>();
  for (const [at, row] of (batch.puts ?? []).entries()) {
    rowContent(found, `puts[${at}].`, row);
    once(found, seen, { field: `puts[${at}]`, key: `${row.tenant}\0${row.kind}\0${row.id}` });
  }
  for (const [at, key] of (batch.deletes ?? []).entries()) {
    rowKey(found, `deletes[${at}].`, key);
    once(found, seen, { field: `deletes[${at}]`, key: `${key.tenant}\0${key.kind}\0${key.id}` });
  }
}

function checkAppends(found: Violations, batch: Batch): void {
  for (const [at, append] of (batch.appends ?? []).entries()) {
    streamKey(found, `appends[${at}].`, append);
    whole(found, `appends[${at}].after`, append.after, { least: 0 });
    checkMarks(found, `appends[${at}].`, append);
    if (append.prevHash === undefined) continue;
    checkDigest(found, `appends[${at}].prevHash`, append.prevHash);
    if (append.after !== 0) found.push({ field: `appends[${at}].prevHash`, description: "only a first entry has one" });
  }
}

function checkMarks(found: Violations, path: string, { marks = [], events }: Append): void {
  for (const [index, { key, at }] of marks.entries()) {
    markKey(found, `${path}marks[${index}].key`, key);
    if (Number.isSafeInteger(at) && at >= 0 && at < events.length) continue;
    found.push({ field: `${path}marks[${index}].at`, description: "is no index into the events" });
  }
}

function checkStreamSnapshots(found: Violations, batch: Batch): void {
  const seen = new Set<string>();
  for (const [at, snapshot] of (batch.streamSnapshots ?? []).entries()) {
    streamKey(found, `streamSnapshots[${at}].`, snapshot);
    whole(found, `streamSnapshots[${at}].sequence`, snapshot.sequence, { least: 0 });
    once(found, seen, { field: `streamSnapshots[${at}]`, key: `${snapshot.tenant}\0${snapshot.stream}` });
  }
}

function checkTasks(found: Violations, batch: Batch): void {
  const seen = new Set<string>();
  for (const [at, task] of (batch.tasks ?? []).entries()) {
    taskContent(found, `tasks[${at}].`, task);
    once(found, seen, { field: `tasks[${at}]`, key: `${task.queue}\0${task.tenant}\0${task.id}` });
  }
  for (const [at, key] of (batch.taskDeletes ?? []).entries()) {
    taskKey(found, `taskDeletes[${at}].`, key);
    once(found, seen, { field: `taskDeletes[${at}]`, key: `${key.queue}\0${key.tenant}\0${key.id}` });
  }
}

function checkAnswers(found: Violations, answers: readonly StoredAnswer[]): void {
  const seen = new Set<string>();
  for (const [at, answer] of answers.entries()) {
    answerKey(found, `answers[${at}].`, answer);
    time(found, `answers[${at}].expiresAt`, answer.expiresAt);
    once(found, seen, { field: `answers[${at}]`, key: `${answer.tenant}\0${answer.key}` });
  }
}

function checkPrecondition(found: Violations, field: string, wanted: Precondition): void {
  if ("row" in wanted) {
    rowKey(found, `${field}.row.`, wanted.row);
    whole(found, `${field}.version`, wanted.version, { least: 0 });
  } else if ("task" in wanted) {
    taskKey(found, `${field}.task.`, wanted.task);
  } else {
    answerKey(found, `${field}.noAnswer.`, wanted.noAnswer);
  }
}

function rowKey(found: Violations, path: string, key: RowKey): void {
  identifier(found, `${path}tenant`, key.tenant);
  identifier(found, `${path}kind`, key.kind);
  identifier(found, `${path}id`, key.id);
}

function rowContent(found: Violations, path: string, row: RowContent): void {
  rowKey(found, path, row);
  optionalIdentifier(found, `${path}name`, row.name);
  optionalIdentifier(found, `${path}parent`, row.parent);
  for (const [label, value] of Object.entries(row.labels)) {
    const description = textProblem(label) ?? textProblem(value);
    if (description !== undefined) found.push({ field: `${path}labels`, description });
  }
  checkEntries(found, path, row);
}

function checkEntries(found: Violations, path: string, row: RowContent): void {
  const seen = new Set<string>();
  for (const [at, [field, value]] of (row.indexed ?? []).entries()) {
    const place = `${path}indexed[${at}]`;
    identifier(found, place, field);
    if (isLabelField(field)) found.push({ field: place, description: "is a label's" });
    once(found, seen, { field: place, key: `${field}\0${value}` });
  }
}

function checkWhere(found: Violations, where: Where): void {
  const count = where.flat().reduce((sum, term) => sum + ("in" in term ? term.in.length : 1), 0);
  if (count <= MAX_WHERE_VALUES) return;
  found.push({ field: "where", description: `names more than ${MAX_WHERE_VALUES} values` });
}

function streamKey(found: Violations, path: string, key: StreamKey): void {
  identifier(found, `${path}tenant`, key.tenant);
  identifier(found, `${path}stream`, key.stream);
}

function markKey(found: Violations, field: string, key: string): void {
  const description = key === "" ? "is empty" : identifierProblem(key, MAX_MARK_BYTES);
  if (description !== undefined) found.push({ field, description });
}

function taskKey(found: Violations, path: string, key: TaskKey): void {
  identifier(found, `${path}tenant`, key.tenant);
  identifier(found, `${path}queue`, key.queue);
  identifier(found, `${path}id`, key.id);
}

function taskContent(found: Violations, path: string, task: Task): void {
  taskKey(found, path, task);
  whole(found, `${path}epoch`, task.epoch, { least: 0 });
  optionalIdentifier(found, `${path}holder`, task.holder);
  if (task.dueAt !== undefined) time(found, `${path}dueAt`, task.dueAt);
}

function answerKey(found: Violations, path: string, key: { readonly tenant: string; readonly key: string }): void {
  identifier(found, `${path}tenant`, key.tenant);
  identifier(found, `${path}key`, key.key);
}

function identifier(found: Violations, field: string, text: string): void {
  if (text === "") found.push({ field, description: "is empty" });
  else optionalIdentifier(found, field, text);
}

function optionalIdentifier(found: Violations, field: string, text: string): void {
  const description = identifierProblem(text);
  if (description !== undefined) found.push({ field, description });
}

function checkDigest(found: Violations, field: string, hash: Uint8Array): void {
  if (hash.length !== HASH_BYTES) found.push({ field, description: "is not a SHA-256" });
}

function time(found: Violations, field: string, value: number): void {
  if (!Number.isFinite(value)) found.push({ field, description: "is not a time" });
}

function whole(
  found: Violations,
  field: string,
  value: number,
  { least, most = Number.MAX_SAFE_INTEGER }: { readonly least: number; readonly most?: number },
): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  found.push({ field, description: `is not a whole number from ${least} to ${most}` });
}

function once(
  found: Violations,
  seen: Set<string>,
  { field, key }: { readonly field: string; readonly key: string },
): void {
  if (seen.has(key)) found.push({ field, description: "is named twice in the batch" });
  seen.add(key);
}

function refuse(found: Violations): void {
  if (found.length > 0) throw invalid(found);
}
