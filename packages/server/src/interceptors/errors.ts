import { Code, type ConnectError } from "@connectrpc/connect";
import type { Log } from "@stigmer/base";
import { toWire } from "../error-table.ts";
import type { Exchange, Interceptor } from "../exchange.ts";

/** Outermost: turns what was thrown into what the wire says, and logs the cause of what only the log may know. */
export function errors(log: Log): Interceptor {
  const translate = (error: unknown, { call }: Exchange): ConnectError => {
    const wire = toWire(error, call.requestId);
    if (wire.code === Code.Internal) log.error({ requestId: call.requestId, err: error }, "request failed");
    return wire;
  };
  return {
    async unary(exchange, next) {
      try {
        return await next(exchange);
      } catch (error) {
        throw translate(error, exchange);
      }
    },
    async *stream(exchange, next) {
      try {
        yield* next(exchange);
      } catch (error) {
        throw translate(error, exchange);
      }
    },
  };
}
