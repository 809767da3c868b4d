import type { Draft } from "./draft.ts";
import { answerKey, auditKey, blobKey, expiredAnswer, expiryKey } from "./keys.ts";
import type { PreparedAnswer, PreparedBlob, PreparedCommit } from "./prepare.ts";
import { type AnswerKey, decodeAnswer, NOTHING, stampAnswer } from "./record-codec.ts";

/** The commit's revision, and the number of its first audit record. */
export type RecordPlace = { readonly revision: number; readonly nextAudit: number };

/** Plans a commit's blobs, answers and audit records. */
export function planRecords(commit: PreparedCommit, draft: Draft, at: RecordPlace): void {
  for (const blob of commit.blobs) planBlob(blob, draft);
  for (const answer of commit.answers) planAnswer(answer, draft, at.revision);
  for (const [index, audit] of commit.audits.entries()) draft.put(auditKey(at.nextAudit + index), audit);
}

/** Plans to drop what an entry of the index by expiry leads to; an answer that was stored later stays. */
export function planAnswerDrop(expiry: string, draft: Draft): void {
  const key = expiredAnswer(expiry);
  if (expiryOf(key, draft) === expiry) draft.remove(answerKey(key));
  draft.remove(expiry);
}

function planBlob({ hash, value }: PreparedBlob, draft: Draft): void {
  const key = blobKey(hash);
  if (draft.get(key) === undefined) draft.put(key, value);
}

function planAnswer({ answer, value }: PreparedAnswer, draft: Draft, revision: number): void {
  const before = expiryOf(answer, draft);
  if (before !== undefined) draft.remove(before);
  draft.put(answerKey(answer), stampAnswer(value, revision));
  draft.put(expiryKey(answer, answer.expiresAt), NOTHING);
}

function expiryOf(key: AnswerKey, draft: Draft): string | undefined {
  const stored = draft.get(answerKey(key));
  return stored === undefined ? undefined : expiryKey(key, decodeAnswer(key, stored).expiresAt);
}
