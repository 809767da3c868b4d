import type { ConnectError } from "@connectrpc/connect";
import type { Log } from "@stigmer/base";
import { isInternal, toWire } from "../error-table.ts";
import type { Exchange, Interceptor } from "../exchange.ts";
import { maskedError } from "../masked-error.ts";

/** Outermost: turns what was thrown into what the wire says, masked, and logs the cause of what only the log may know. */
export function errors(log: Log, mask: (text: string) => string = (text) => text): Interceptor {
  const translate = (error: unknown, { call }: Exchange): ConnectError => {
    const wire = toWire(maskedError(error, mask), call.requestId);
    if (isInternal(wire)) log.error({ requestId: call.requestId, err: error }, "request failed");
    return wire;
  };
  return {
    async unary(exchange, next) {
      try {
        return await next();
      } catch (error) {
        throw translate(error, exchange);
      }
    },
    async *stream(exchange, next) {
      try {
        yield* next();
      } catch (error) {
        throw translate(error, exchange);
      }
    },
  };
}
