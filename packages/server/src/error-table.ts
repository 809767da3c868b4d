import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Fault, type FaultKind, isFault } from "@stigmer/base";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "@stigmer/contracts/rpc";
import { answerTooLarge, cancelled, failed, late, malformed, tooLarge } from "./protocol-faults.ts";

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
  late: Code.DeadlineExceeded,
  cancelled: Code.Canceled,
  internal: Code.Internal,
};

/** A status travels in HTTP/2 headers, of which clients take 8 or 16 KiB; what is said beyond this is cut. */
const MAX_TEXT = 500;
const MAX_VIOLATIONS = 2_000;

/**
 * What the wire says of an error. Faults become their code with one `ErrorInfo` and the details that say something; what
 * a protocol's own layer raised gets its reason here; anything else is `INTERNAL` with the request's id and nothing of
 * the cause.
 */
export function toWire(error: unknown, requestId: string): ConnectError {
  if (error instanceof ConnectError) return hasReason(error) ? error : toWire(readingFault(error), requestId);
  if (isFault(error) && error.kind !== "internal")
    return new ConnectError(shortened(error.message), CODES[error.kind], undefined, details(error), error);
  if (isAbort(error)) return toWire(cancelled(), requestId);
  const reason = isFault(error) ? error.reason : "INTERNAL";
  const info = detail(ErrorInfoSchema, { reason, domain: ERROR_DOMAIN, metadata: { request_id: requestId } });
  const message = `internal error; the backend's log has the cause under request id ${requestId}`;
  return new ConnectError(message, CODES.internal, undefined, [info], error);
}

/** Whether an error says why, in words that programs can act on. */
export function hasReason({ details }: ConnectError): boolean {
  return details.some((detail) => ("desc" in detail ? detail.desc.typeName : detail.type) === ErrorInfoSchema.typeName);
}

/** What Connect's library says, without a reason, of a request that it could not read. `cause` is shown where it helps people. */
export function readingFault(error: ConnectError, cause?: string): Fault {
  switch (error.code) {
    case Code.Canceled:
    case Code.Aborted:
    case Code.Unavailable:
      return cancelled();
    case Code.DeadlineExceeded:
      return late(undefined);
    case Code.ResourceExhausted:
      return tooLarge();
    case Code.InvalidArgument:
    case Code.Internal:
    case Code.Unimplemented:
      return malformed(cause);
    default:
      return failed(error);
  }
}

/** What Connect's library says, without a reason, of an answer that it could not send. */
export function answeringFault(error: ConnectError): Fault {
  if (error.code === Code.ResourceExhausted) return answerTooLarge();
  return error.code === Code.Internal ? failed(error) : readingFault(error);
}

/** Whether only the log may know the cause. */
export function isInternal({ code }: ConnectError): boolean {
  return code === CODES.internal;
}

/** A code as gRPC writes it: `INVALID_ARGUMENT`. */
export function codeName({ code }: ConnectError): string {
  return code === Code.Canceled ? "CANCELLED" : Code[code].replace(/(?!^)[A-Z]/g, "_$&").toUpperCase();
}

type Detail = { readonly desc: DescMessage; readonly value: never };

function details(fault: Fault): Detail[] {
  const { violations, preconditions, facts, message } = fault;
  const list = [detail(ErrorInfoSchema, { reason: fault.reason, domain: ERROR_DOMAIN, metadata: cut(facts) })];
  if (violations.length > 0) list.push(detail(BadRequestSchema, { fieldViolations: fitting(violations) }));
  if (preconditions.length > 0) list.push(detail(PreconditionFailureSchema, { violations: fitting(preconditions) }));
  const { kind, name, limit } = cut(facts);
  if (fault.kind === "exhausted" && limit)
    list.push(detail(QuotaFailureSchema, { violations: [{ subject: limit, description: shortened(message) }] }));
  if (kind && name)
    list.push(detail(ResourceInfoSchema, { resourceType: kind, resourceName: name, description: shortened(message) }));
  if (fault.retryAfterMs !== undefined)
    list.push(detail(RetryInfoSchema, { retryDelay: durationOf(fault.retryAfterMs) }));
  return list;
}

/** As many as fit into a status, in their order; the first always does. */
function fitting<T extends Readonly<Record<keyof T, string>>>(list: readonly T[]): T[] {
  let room = MAX_VIOLATIONS;
  return list.map(cut).filter((one, at) => {
    room -= Object.values<string>(one).join("").length;
    return at === 0 || room >= 0;
  });
}

function cut<T extends Readonly<Record<keyof T, string>>>(texts: T): T {
  return Object.fromEntries(Object.entries<string>(texts).map(([key, text]) => [key, shortened(text)])) as T;
}

function shortened(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT).toWellFormed()}…` : text;
}

function durationOf(ms: number) {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.round((ms % 1000) * 1_000_000) };
}

function detail<S extends DescMessage>(desc: S, value: MessageInitShape<S>): Detail {
  return { desc, value: create(desc, value) as never };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
