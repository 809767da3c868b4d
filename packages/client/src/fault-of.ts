import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { Fault, type FaultKind, type Reason } from "@stigmer/base";
import { ErrorReason } from "@stigmer/contracts/commons";
import { BadRequestSchema, ErrorInfoSchema, PreconditionFailureSchema, RetryInfoSchema } from "@stigmer/contracts/rpc";

const KINDS: Partial<Record<Code, FaultKind>> = {
  [Code.InvalidArgument]: "invalid",
  [Code.Unauthenticated]: "unauthenticated",
  [Code.PermissionDenied]: "denied",
  [Code.NotFound]: "notFound",
  [Code.AlreadyExists]: "exists",
  [Code.Aborted]: "conflict",
  [Code.FailedPrecondition]: "precondition",
  [Code.ResourceExhausted]: "exhausted",
  [Code.OutOfRange]: "expired",
  [Code.Unavailable]: "unavailable",
  [Code.Unimplemented]: "unsupported",
};

/** The fault that a backend sent, or the error itself where it is a cancellation or a deadline. */
export function faultOf(error: unknown): unknown {
  const wire = ConnectError.from(error);
  if (wire.code === Code.Canceled || wire.code === Code.DeadlineExceeded) return error;
  const [info] = wire.findDetails(ErrorInfoSchema);
  const violations = wire
    .findDetails(BadRequestSchema)
    .flatMap((detail) => detail.fieldViolations.map(({ field, description }) => ({ field, description })));
  const preconditions = wire
    .findDetails(PreconditionFailureSchema)
    .flatMap((detail) => detail.violations.map(({ type, subject, description }) => ({ type, subject, description })));
  const [retry] = wire.findDetails(RetryInfoSchema);
  const kind = KINDS[wire.code] ?? "internal";
  return new Fault(kind, reasonOf(info?.reason, kind), info?.metadata ?? {}, {
    cause: error,
    message: wire.rawMessage,
    violations,
    preconditions,
    ...(retry?.retryDelay && { retryAfterMs: durationMs(retry.retryDelay) }),
  });
}

function reasonOf(sent: string | undefined, kind: FaultKind): Reason {
  if (sent && sent in ErrorReason) return sent as Reason;
  if (kind === "unavailable") return "BACKEND_UNREACHABLE";
  if (kind === "unsupported") return "FEATURE_NOT_CLAIMED";
  return kind === "exhausted" ? "MESSAGE_TOO_LARGE" : "INTERNAL";
}
