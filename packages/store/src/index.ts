export {
  checkAnswerKey,
  checkCommit,
  checkHash,
  checkQuery,
  checkQueue,
  checkRowKey,
  checkStream,
  checkTaskKey,
  MAX_PAGE_ROWS,
} from "./arguments.ts";
export { identifierProblem, MAX_IDENTIFIER_BYTES } from "./identifiers.ts";
export type { Append, JournalEntry, StreamHead, StreamKey, Task, TaskKey } from "./journal.ts";
export { answerStored, leaseFenced, nameTaken, rowMoved, storeClosed, streamMoved } from "./refusals.ts";
export type { Change, ChangeType, Page, Row, RowContent, RowFilter, RowKey } from "./row.ts";
export type { Batch, MaybePromise, Precondition, Reader, Snapshot, Store, StoredAnswer } from "./store.ts";
