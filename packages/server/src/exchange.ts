import type { Message } from "@bufbuild/protobuf";
import type { IncomingCall } from "@stigmer/resource";

/** One call and what its log line says. */
export type Exchange = {
  readonly call: IncomingCall;
  readonly protocol: string;
  readonly started: number;
  /** Whether the client set a deadline of its own. */
  readonly hasDeadline: boolean;
};

/**
 * Something that happens around every call, whichever protocol it came by. The first in a list is the outermost.
 */
export interface Interceptor {
  unary(exchange: Exchange, next: (exchange: Exchange) => Promise<Message>): Promise<Message>;
  stream(exchange: Exchange, next: (exchange: Exchange) => AsyncIterable<Message>): AsyncIterable<Message>;
}

export function aroundUnary(interceptors: readonly Interceptor[], run: (exchange: Exchange) => Promise<Message>) {
  return interceptors.reduceRight<(exchange: Exchange) => Promise<Message>>(
    (next, one) => (exchange) => one.unary(exchange, next),
    run,
  );
}

export function aroundStream(
  interceptors: readonly Interceptor[],
  run: (exchange: Exchange) => AsyncIterable<Message>,
) {
  return interceptors.reduceRight<(exchange: Exchange) => AsyncIterable<Message>>(
    (next, one) => (exchange) => one.stream(exchange, next),
    run,
  );
}
