import { hash } from "node:crypto";
import { invalid } from "@stigmer/base";
import {
  type Append,
  type Batch,
  checkCommit,
  type IndexEntry,
  type Precondition,
  type RowContent,
  type RowKey,
  type StoredAnswer,
  type Task,
  type TaskKey,
} from "@stigmer/store";
import { encodeEntry, encodeTask } from "./journal-codec.ts";
import { encodeAnswer, encodeOpaque } from "./record-codec.ts";
import { encodeRow } from "./row-codec.ts";

/** A row to store; `value` lacks only the version. */
export type PreparedPut = { readonly row: Omit<RowContent, "bytes">; readonly value: Buffer };

/** Entries to append; each lacks only sequence and hashes. */
export type PreparedAppend = { readonly append: Omit<Append, "events">; readonly entries: readonly Buffer[] };

export type PreparedTask = { readonly task: Omit<Task, "bytes">; readonly value: Buffer };
export type PreparedAnswer = { readonly answer: Omit<StoredAnswer, "bytes" | "digest">; readonly value: Buffer };
export type PreparedBlob = { readonly hash: Uint8Array; readonly value: Buffer };

/** Rows as they were read, with the entries that they are to have, and kinds whose rows all have them. */
export type Reindex = {
  readonly rows: readonly { readonly key: RowKey; readonly version: number; readonly indexed: readonly IndexEntry[] }[];
  readonly signatures: readonly { readonly kind: string; readonly signature: string }[];
};

/**
 * A commit, checked and encoded as far as that goes without looking at anything stored. It shares no bytes with the
 * batch, so the caller may reuse its buffers while the commit waits.
 */
export type PreparedCommit = {
  readonly preconditions: readonly Precondition[];
  readonly puts: readonly PreparedPut[];
  readonly deletes: readonly RowKey[];
  readonly appends: readonly PreparedAppend[];
  readonly tasks: readonly PreparedTask[];
  readonly taskDeletes: readonly TaskKey[];
  readonly blobs: readonly PreparedBlob[];
  readonly answers: readonly PreparedAnswer[];
  readonly audits: readonly Buffer[];
  /** Rows to index anew; a commit with any changes nothing else, and takes no revision. */
  readonly reindex?: Reindex;
  /** What waiting costs, roughly. */
  readonly bytes: number;
};

/** Refuses with violations what no driver takes, and a blob that does not have its hash. */
export function prepare(batch: Batch, preconditions: readonly Precondition[]): PreparedCommit {
  checkCommit(batch, preconditions);
  const parts = {
    puts: (batch.puts ?? []).map(preparePut),
    appends: (batch.appends ?? []).map(prepareAppend),
    tasks: (batch.tasks ?? []).map(prepareTask),
    blobs: (batch.blobs ?? []).map(prepareBlob),
    answers: (batch.answers ?? []).map(prepareAnswer),
    audits: (batch.audits ?? []).map(encodeOpaque),
  };
  return {
    ...parts,
    preconditions: [...preconditions],
    deletes: [...(batch.deletes ?? [])],
    taskDeletes: [...(batch.taskDeletes ?? [])],
    bytes: weigh(parts),
  };
}

function preparePut({ bytes, ...row }: RowContent): PreparedPut {
  const { labels, indexed = [] } = row;
  // A text with a lone surrogate is stored as UTF-8 has it; later comparisons are with that.
  const entries = indexed.map(([field, value]) => [field, value.toWellFormed()] as const);
  const content = { ...row, labels: { ...labels }, indexed: entries };
  return { row: content, value: encodeRow({ ...content, bytes }) };
}

function prepareAppend({ events, ...append }: Append): PreparedAppend {
  const entries = events.map((event, at) =>
    encodeEntry(event, { chained: append.after + at > 0 || append.prevHash !== undefined }),
  );
  const { prevHash } = append;
  return { append: prevHash === undefined ? append : { ...append, prevHash: prevHash.slice() }, entries };
}

function prepareTask(task: Task): PreparedTask {
  return { task, value: encodeTask(task) };
}

function prepareBlob(blob: { readonly hash: Uint8Array; readonly bytes: Uint8Array }, at: number): PreparedBlob {
  const value = encodeOpaque(blob.bytes);
  const actual = hash("sha256", blob.bytes, "buffer");
  if (!actual.equals(blob.hash)) {
    throw invalid([{ field: `blobs[${at}].hash`, description: "is not the SHA-256 of the bytes" }]);
  }
  return { hash: actual, value };
}

function prepareAnswer(answer: StoredAnswer): PreparedAnswer {
  return { answer, value: encodeAnswer(answer) };
}

const COMMIT_BYTES = 512;

function weigh(parts: Pick<PreparedCommit, "puts" | "appends" | "tasks" | "blobs" | "answers" | "audits">): number {
  const { puts, appends, tasks, blobs, answers, audits } = parts;
  let bytes = COMMIT_BYTES;
  for (const { value } of [...puts, ...tasks, ...blobs, ...answers]) bytes += value.length;
  for (const { entries } of appends) for (const entry of entries) bytes += entry.length;
  for (const audit of audits) bytes += audit.length;
  return bytes;
}
