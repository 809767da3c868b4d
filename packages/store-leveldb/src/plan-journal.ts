import { type StreamHead, streamMoved, type TaskKey } from "@stigmer/store";
import type { Draft } from "./draft.ts";
import { chainEntry, encodeHead } from "./journal-codec.ts";
import { dueKey, entryKey, headKey, taskKey } from "./keys.ts";
import type { PreparedAppend, PreparedCommit, PreparedTask } from "./prepare.ts";
import { headIn, taskIn } from "./read.ts";
import { NOTHING } from "./record-codec.ts";

/** Plans a commit's journal entries, chained to what each stream ends with. Refuses an append that starts elsewhere. */
export function planJournals(commit: PreparedCommit, draft: Draft): void {
  for (const append of commit.appends) planAppend(append, draft);
}

/** Plans a commit's tasks and the index of when they are due. */
export function planTasks(commit: PreparedCommit, draft: Draft): void {
  for (const key of commit.taskDeletes) planTaskDelete(key, draft);
  for (const task of commit.tasks) planTask(task, draft);
}

function planAppend({ append, entries }: PreparedAppend, draft: Draft): void {
  const head = headIn(draft, append);
  if (head.sequence !== append.after) {
    throw streamMoved(append, { current: head.sequence, sent: append.after });
  }
  if (entries.length === 0) return;
  let end: StreamHead = { ...head, hash: append.prevHash ?? head.hash };
  for (const entry of entries) {
    end = chainEntry(entry, end.hash, end.sequence + 1);
    draft.put(entryKey(append, end.sequence), entry);
  }
  draft.put(headKey(append), encodeHead(end));
}

function planTaskDelete(key: TaskKey, draft: Draft): void {
  removeDue(key, draft);
  draft.remove(taskKey(key));
}

function planTask({ task, value }: PreparedTask, draft: Draft): void {
  removeDue(task, draft);
  draft.put(taskKey(task), value);
  if (task.dueAt !== undefined) draft.put(dueKey(task, task.dueAt), NOTHING);
}

function removeDue(key: TaskKey, draft: Draft): void {
  const before = taskIn(draft, key);
  if (before?.dueAt !== undefined) draft.remove(dueKey(key, before.dueAt));
}
