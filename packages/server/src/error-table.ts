import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Fault, type FaultKind, isFault } from "@stigmer/base";
import { BadRequestSchema, ErrorInfoSchema, ResourceInfoSchema, RetryInfoSchema } from "@stigmer/contracts/rpc";

/** Domain of every `ErrorInfo` that a backend sends. */
const ERROR_DOMAIN = "stigmer.ai";

const CODES: Record<FaultKind, Code> = {
  invalid: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  denied: Code.PermissionDenied,
  notFound: Code.NotFound,
  exists: Code.AlreadyExists,
  conflict: Code.Aborted,
  precondition: Code.FailedPrecondition,
  exhausted: Code.ResourceExhausted,
  expired: Code.OutOfRange,
  unavailable: Code.Unavailable,
  unsupported: Code.Unimplemented,
  internal: Code.Internal,
};

/**
 * What the wire says of an error. Faults become their code with one `ErrorInfo` and the details that say something;
 * cancellation and deadline pass through; anything else is `INTERNAL` with the request's id and nothing of the cause.
 */
export function toWire(error: unknown, requestId: string): ConnectError {
  if (error instanceof ConnectError) return error;
  if (isFault(error) && error.kind !== "internal")
    return new ConnectError(error.message, CODES[error.kind], undefined, details(error), error);
  if (isAbort(error)) return new ConnectError("the call was cancelled", Code.Canceled, undefined, undefined, error);
  const reason = isFault(error) ? error.reason : "INTERNAL";
  const info = detail(ErrorInfoSchema, { reason, domain: ERROR_DOMAIN, metadata: { request_id: requestId } });
  return new ConnectError(
    `internal error; the backend's log has the cause under request id ${requestId}`,
    Code.Internal,
    undefined,
    [info],
    error,
  );
}

type Detail = { readonly desc: DescMessage; readonly value: never };

function details(fault: Fault): Detail[] {
  const list = [detail(ErrorInfoSchema, { reason: fault.reason, domain: ERROR_DOMAIN, metadata: { ...fault.facts } })];
  if (fault.violations.length > 0) list.push(detail(BadRequestSchema, { fieldViolations: [...fault.violations] }));
  const { kind, name } = fault.facts;
  if (kind && name)
    list.push(detail(ResourceInfoSchema, { resourceType: kind, resourceName: name, description: fault.message }));
  if (fault.retryAfterMs !== undefined) {
    const retryDelay = {
      seconds: BigInt(Math.floor(fault.retryAfterMs / 1000)),
      nanos: Math.round((fault.retryAfterMs % 1000) * 1_000_000),
    };
    list.push(detail(RetryInfoSchema, { retryDelay }));
  }
  return list;
}

function detail<S extends DescMessage>(desc: S, value: MessageInitShape<S>): Detail {
  return { desc, value: create(desc, value) as never };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
