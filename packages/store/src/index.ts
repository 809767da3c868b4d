export {
  checkAnswerKey,
  checkCommit,
  checkHash,
  checkMark,
  checkQuery,
  checkQueue,
  checkQueuePrefix,
  checkRowKey,
  checkStream,
  checkTaskKey,
  MAX_PAGE_ROWS,
  MAX_WHERE_VALUES,
} from "./arguments.ts";
export type { BlobKey, BlobLimits, BlobPiece, BlobProgress, BlobSlice, Blobs } from "./blobs.ts";
export { compareBytewise } from "./bytewise.ts";
export { identifierProblem, MAX_IDENTIFIER_BYTES, MAX_MARK_BYTES } from "./identifiers.ts";
export type {
  Append,
  JournalEntry,
  Mark,
  StreamHead,
  StreamKey,
  StreamSnapshot,
  Task,
  TaskKey,
} from "./journal.ts";
export { readWhole } from "./read-whole.ts";
export { answerStored, leaseFenced, nameTaken, rowMoved, snapshotAhead, storeClosed, streamMoved } from "./refusals.ts";
export type { Change, ChangeType, Page, PageFilter, Row, RowContent, RowFilter, RowKey } from "./row.ts";
export type {
  Batch,
  DueRange,
  KindIndex,
  MaybePromise,
  Precondition,
  Reader,
  Snapshot,
  Store,
  StoredAnswer,
  Watch,
} from "./store.ts";
export {
  type IndexEntry,
  type Indexed,
  type IndexTerm,
  isLabelField,
  labelField,
  type Where,
  whereMatcher,
} from "./where.ts";
