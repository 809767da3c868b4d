import type { Clock, Log } from "@stigmer/base";
import { codeName, toWire } from "../error-table.ts";
import type { Exchange, Interceptor } from "../exchange.ts";

/** One line per request, when it has ended. Bodies never stand in it. */
export function requestLog(log: Log, clock: Clock): Interceptor {
  const write = ({ call, incoming, started }: Exchange, code: string): void => {
    const rpc = `${call.method.parent.typeName}/${call.method.name}`;
    const ms = Math.round((clock.monotonic() - started) * 10) / 10;
    const { requestId, caller } = call;
    log.info({ requestId, rpc, code, ms, protocol: incoming.protocol, caller: caller.subject }, "request");
  };
  const codeOf = (error: unknown, { call }: Exchange): string => codeName(toWire(error, call.requestId));
  return {
    async unary(exchange, next) {
      let code = "OK";
      try {
        return await next();
      } catch (error) {
        code = codeOf(error, exchange);
        throw error;
      } finally {
        write(exchange, code);
      }
    },
    async *stream(exchange, next) {
      let code = "CANCELLED"; // stays where the reader goes before the stream ends
      try {
        yield* next();
        code = "OK";
      } catch (error) {
        code = codeOf(error, exchange);
        throw error;
      } finally {
        write(exchange, code);
      }
    },
  };
}
