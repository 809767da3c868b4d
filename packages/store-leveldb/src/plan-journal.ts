import { type StreamHead, snapshotAhead, streamMoved } from "@stigmer/store";
import type { Draft } from "./draft.ts";
import { chainEntry, encodeHead } from "./journal-codec.ts";
import { entryKey, headKey, markKey, streamSnapshotKey } from "./keys.ts";
import type { PreparedAppend, PreparedCommit } from "./prepare.ts";
import { headIn } from "./read.ts";
import { NOTHING } from "./record-codec.ts";

/**
 * Plans a commit's journal entries, chained to what each stream ends with, their marks, and the streams' snapshots. Refuses
 * an append that starts elsewhere, and a snapshot of what the stream does not hold then.
 */
export function planJournals(commit: PreparedCommit, draft: Draft): void {
  for (const append of commit.appends) planAppend(append, draft);
  for (const [at, { key, sequence, value }] of commit.snapshots.entries()) {
    const head = headIn(draft, key);
    if (sequence > head.sequence) throw snapshotAhead(at, { current: head.sequence });
    draft.put(streamSnapshotKey(key), value);
  }
}

function planAppend({ key, after, prevHash, marks, entries }: PreparedAppend, draft: Draft): void {
  const head = headIn(draft, key);
  if (head.sequence !== after) throw streamMoved(key, { current: head.sequence, sent: after });
  if (entries.length === 0) return;
  let end: StreamHead = { sequence: after, hash: prevHash ?? head.hash };
  for (const entry of entries) {
    end = chainEntry(entry, end.hash, end.sequence + 1);
    draft.put(entryKey(key, end.sequence), entry);
  }
  draft.put(headKey(key), encodeHead(end));
  for (const { key: mark, at } of marks) draft.put(markKey(key, mark, after + at + 1), NOTHING);
}
