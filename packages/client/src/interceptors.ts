import { getOption, hasOption } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { Effect, method as methodOptions } from "@stigmer/contracts/commons";
import { faultOf } from "./fault-of.ts";

export const IDEMPOTENCY_KEY = "idempotency-key";

/** Gives each command a key of its own, the same on every try, so that the backend runs it once. */
export const idempotency: Interceptor = (next) => (request) => {
  const options = hasOption(request.method, methodOptions) ? getOption(request.method, methodOptions) : undefined;
  if (!request.stream && options?.effect === Effect.WRITE && !request.header.has(IDEMPOTENCY_KEY)) {
    request.header.set(IDEMPOTENCY_KEY, crypto.randomUUID());
  }
  return next(request);
};

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

/** Turns what the wire says into a `Fault`, in streams too. Cancellation and deadline pass through unchanged. */
export const faults: Interceptor = (next) => async (request) => {
  try {
    const response = await next(request);
    return response.stream ? { ...response, message: guarded(response.message) } : response;
  } catch (error) {
    throw faultOf(error);
  }
};

async function* guarded<T>(messages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw faultOf(error);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
