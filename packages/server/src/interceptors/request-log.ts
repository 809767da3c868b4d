import { Code } from "@connectrpc/connect";
import type { Clock, Log } from "@stigmer/base";
import { toWire } from "../error-table.ts";
import type { Exchange, Interceptor } from "../exchange.ts";

/** One line per request, when it has ended. Bodies never stand in it. */
export function requestLog(log: Log, clock: Clock): Interceptor {
  const write = ({ call, protocol, started }: Exchange, code: string): void => {
    const rpc = `${call.method.parent.typeName}/${call.method.name}`;
    const ms = Math.round((clock.monotonic() - started) * 10) / 10;
    log.info({ requestId: call.requestId, rpc, code, ms, protocol, caller: call.caller.subject }, "request");
  };
  const codeOf = (error: unknown, { call }: Exchange): string => codeName(toWire(error, call.requestId).code);
  return {
    async unary(exchange, next) {
      let code = "OK";
      try {
        return await next(exchange);
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
        yield* next(exchange);
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

/** `InvalidArgument` as gRPC writes it: `INVALID_ARGUMENT`. */
function codeName(code: Code): string {
  return Code[code].replace(/(?!^)[A-Z]/g, "_$&").toUpperCase();
}
