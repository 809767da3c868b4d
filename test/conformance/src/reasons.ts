import { Code } from "@connectrpc/connect";
import type { ErrorReason } from "@stigmer/contracts/commons";

/** The code that goes with each reason, as `commons/error/v1` says; those that a conforming call can meet. */
export const CODES = {
  INVALID_REQUEST: Code.InvalidArgument,
  RESOURCE_NOT_FOUND: Code.NotFound,
  RESOURCE_EXISTS: Code.AlreadyExists,
  VERSION_MOVED: Code.Aborted,
  REFERENCE_NOT_FOUND: Code.InvalidArgument,
  FIELD_IMMUTABLE: Code.InvalidArgument,
  KIND_UNKNOWN: Code.InvalidArgument,
  PAGE_TOKEN_INVALID: Code.InvalidArgument,
  IDEMPOTENCY_KEY_REUSED: Code.InvalidArgument,
  FEATURE_NOT_CLAIMED: Code.Unimplemented,
  MESSAGE_TOO_LARGE: Code.ResourceExhausted,
  FIELD_CONFLICT: Code.Aborted,
  RESOURCE_DELETED: Code.FailedPrecondition,
  VERSION_NOT_REACHED: Code.Unavailable,
  WATCH_TOKEN_INVALID: Code.InvalidArgument,
  MALFORMED_REQUEST: Code.InvalidArgument,
  METHOD_UNKNOWN: Code.Unimplemented,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  ORIGIN_REFUSED: Code.PermissionDenied,
  BLOB_INCOMPLETE: Code.FailedPrecondition,
  BLOB_DIGEST_MISMATCH: Code.InvalidArgument,
} as const satisfies Partial<Record<keyof typeof ErrorReason, Code>>;

export type Refusable = keyof typeof CODES;
