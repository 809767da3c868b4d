import { Code, ConnectError } from "@connectrpc/connect";
import { codeFromHttpStatus, errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { faultOf } from "./fault-of.ts";
import type { HttpAnswer } from "./http-line.ts";

/** What a backend refused, as a fault. An answer that is none of Connect's errors counts by its HTTP status. */
export function sentError({ status, body }: HttpAnswer): unknown {
  const fallback = new ConnectError(`HTTP ${status}`, codeFromHttpStatus(status));
  try {
    return faultOf(errorFromJsonBytes(body, undefined, fallback));
  } catch {
    return faultOf(fallback);
  }
}

/** A call that ended on this side: given up, out of time, or with an answer that can't be used. */
export function localError(
  error: unknown,
  by: { readonly cancelled?: AbortSignal | undefined; readonly late: boolean },
): unknown {
  if (by.cancelled?.aborted)
    return new ConnectError("the call was cancelled", Code.Canceled, undefined, undefined, error);
  if (by.late) {
    return new ConnectError("the deadline has passed", Code.DeadlineExceeded, undefined, undefined, error);
  }
  if (error instanceof RangeError) return faultOf(new ConnectError(error.message, Code.ResourceExhausted));
  return error;
}
