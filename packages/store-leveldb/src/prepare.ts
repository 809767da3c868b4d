import { hash } from "node:crypto";
import { invalid } from "@stigmer/base";
import {
  type Append,
  type Batch,
  checkCommit,
  type IndexEntry,
  type Mark,
  type Precondition,
  type RowContent,
  type RowKey,
  type StoredAnswer,
  type StreamKey,
  type StreamSnapshot,
  type Task,
  type TaskKey,
} from "@stigmer/store";
import { encodeEntry, encodeSnapshot, encodeTask } from "./journal-codec.ts";
import { encodeAnswer, encodeOpaque } from "./record-codec.ts";
import { encodeRow } from "./row-codec.ts";

/** A row to store; `value` lacks only the version. */
export type PreparedPut = { readonly row: Omit<RowContent, "bytes">; readonly value: Buffer };

/** Entries to append; each lacks only sequence and hashes. */
export type PreparedAppend = {
  readonly key: StreamKey;
  readonly after: number;
  readonly prevHash: Uint8Array | undefined;
  readonly marks: readonly Mark[];
  readonly entries: readonly Buffer[];
};

export type PreparedSnapshot = { readonly key: StreamKey; readonly sequence: number; readonly value: Buffer };
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
  readonly snapshots: readonly PreparedSnapshot[];
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
    snapshots: (batch.streamSnapshots ?? []).map(prepareSnapshot),
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

// Each field by name: spreading what is left of an object costs as much as encoding it.
function preparePut({ tenant, kind, id, name, parent, labels, indexed = [], bytes }: RowContent): PreparedPut {
  // A text with a lone surrogate is stored as UTF-8 has it; later comparisons are with that.
  const entries = indexed.map(([field, value]) => [field, value.toWellFormed()] as const);
  const row = { tenant, kind, id, name, parent, labels: { ...labels }, indexed: entries };
  return { row, value: encodeRow(row, bytes) };
}

function prepareAppend({ tenant, stream, after, events, prevHash, marks = [] }: Append): PreparedAppend {
  const entries = events.map((event, at) => encodeEntry(event, { chained: after + at > 0 || prevHash !== undefined }));
  return { key: { tenant, stream }, after, prevHash: prevHash?.slice(), marks: [...marks], entries };
}

function prepareSnapshot({ tenant, stream, ...snapshot }: StreamKey & StreamSnapshot): PreparedSnapshot {
  return { key: { tenant, stream }, sequence: snapshot.sequence, value: encodeSnapshot(snapshot) };
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

type Weighed = Pick<PreparedCommit, "puts" | "appends" | "snapshots" | "tasks" | "blobs" | "answers" | "audits">;

function weigh({ appends, audits, ...valued }: Weighed): number {
  let bytes = COMMIT_BYTES;
  for (const parts of Object.values(valued)) for (const { value } of parts) bytes += value.length;
  for (const { entries } of appends) for (const entry of entries) bytes += entry.length;
  for (const audit of audits) bytes += audit.length;
  return bytes;
}
