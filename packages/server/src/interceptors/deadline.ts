import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Interceptor } from "../exchange.ts";

/** Ends a unary call after `ms` where its client set no deadline. Streams have none. */
export function deadline(ms: number): Interceptor {
  return {
    async unary(exchange, next) {
      if (exchange.hasDeadline) return await next(exchange);
      const timer = new AbortController();
      const { signal } = exchange.call;
      const late = new ConnectError(`the call took longer than ${ms} ms`, Code.DeadlineExceeded);
      const handle = setTimeout(() => timer.abort(late), ms);
      const call = { ...exchange.call, signal: AbortSignal.any([signal, timer.signal]) };
      try {
        return await Promise.race([next({ ...exchange, call }), rejectOn(timer.signal)]);
      } finally {
        clearTimeout(handle);
      }
    },
    stream: (exchange, next) => next(exchange),
  };
}

function rejectOn(signal: AbortSignal): Promise<Message> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}
