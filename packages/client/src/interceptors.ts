import { getOption, hasOption } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { Effect, method as methodOptions } from "@stigmer/contracts/commons";
import { pause } from "./pause.ts";

export const IDEMPOTENCY_KEY = "idempotency-key";

/** Gives each command a key of its own, the same on every try, so that the backend runs it once. */
export const idempotency: Interceptor = (next) => (request) => {
  const options = hasOption(request.method, methodOptions) ? getOption(request.method, methodOptions) : undefined;
  if (!request.stream && options?.effect === Effect.WRITE && !request.header.has(IDEMPOTENCY_KEY)) {
    request.header.set(IDEMPOTENCY_KEY, crypto.randomUUID());
  }
  return next(request);
};

/**
 * Says UNAVAILABLE where the line broke: the transport reports a connection that was lost as cancelled or aborted, which
 * a call that nobody cancelled, and whose error carries no detail from a backend, was not.
 */
export const brokenLine: Interceptor = (next) => async (request) => {
  const translate = (error: unknown): ConnectError => {
    const wire = ConnectError.from(error);
    const isLost = wire.code === Code.Canceled || wire.code === Code.Aborted || isStreamError(wire.cause);
    const broken = wire.details.length === 0 && isLost;
    if (!broken || request.signal.aborted) return wire;
    return new ConnectError("the connection to the backend was lost", Code.Unavailable, wire.metadata, undefined, wire);
  };
  try {
    const response = await next(request);
    return response.stream ? { ...response, message: translated(response.message, translate) } : response;
  } catch (error) {
    throw translate(error);
  }
};

/** HTTP/2 closed the stream: a server that stops refuses new ones, which the transport reports as an internal error. */
function isStreamError(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ERR_HTTP2_STREAM_ERROR";
}

async function* translated<T>(
  messages: AsyncIterable<T>,
  translate: (error: unknown) => ConnectError,
): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw translate(error);
  }
}

/** Tries a unary call again while the backend is away; safe, as commands carry an idempotency key. */
export function retry(options: { readonly attempts: number; readonly firstDelayMs: number }): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return await next(request);
    for (let attempt = 1; ; attempt++) {
      try {
        return await next(request);
      } catch (error) {
        const again = attempt < options.attempts && ConnectError.from(error).code === Code.Unavailable;
        if (!again || request.signal.aborted) throw error;
        await pause(options.firstDelayMs * 2 ** (attempt - 1), request.signal);
      }
    }
  };
}
