import type { IncomingCall } from "@stigmer/resource";

/** What a protocol knows of a call, whichever it is. */
export interface Incoming {
  readonly protocol: string;
  readonly requestId: string;
  /** What is left of the time that the client gave the call, in milliseconds; undefined where it gave none. */
  readonly timeoutMs: number | undefined;
  /** Ends the call: when the client goes, the deadline passes or the backend stops. */
  readonly controller: AbortController;
  /** A header of the request, by its name in lower case. */
  header(name: string): string | undefined;
}

/** One call and what its log line says. */
export type Exchange = {
  readonly call: IncomingCall;
  readonly incoming: Incoming;
  readonly started: number;
};

/**
 * Something that happens around every call, whichever protocol it came by. The first in a list is the outermost.
 */
export interface Interceptor {
  /** `T` is a message, or its encoding. */
  unary<T>(exchange: Exchange, next: () => Promise<T>): Promise<T>;
  /** `T` is a message, or some of them. */
  stream<T>(exchange: Exchange, next: () => AsyncIterable<T>): AsyncIterable<T>;
}

/** Puts all interceptors around what runs unary calls. */
export function aroundUnary(interceptors: readonly Interceptor[]): Interceptor["unary"] {
  return interceptors.reduceRight<Interceptor["unary"]>(
    (inner, one) => (exchange, run) => one.unary(exchange, () => inner(exchange, run)),
    (_, run) => run(),
  );
}

/** Puts all interceptors around what runs streams. */
export function aroundStream(interceptors: readonly Interceptor[]): Interceptor["stream"] {
  return interceptors.reduceRight<Interceptor["stream"]>(
    (inner, one) => (exchange, run) => one.stream(exchange, () => inner(exchange, run)),
    (_, run) => run(),
  );
}
