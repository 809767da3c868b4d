import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { ConnectError } from "@connectrpc/connect";
import type { Log } from "@stigmer/base";
import type { BoundMethod } from "./bind.ts";
import { isInternal, toWire } from "./error-table.ts";
import type { Connection } from "./grpc-answer.ts";
import type { FrameReader } from "./grpc-request.ts";
import { grpcStatus } from "./grpc-status.ts";
import { endHalfOpen } from "./half-open.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import type { SharedFrames } from "./shared-frames.ts";
import type { StallGuard } from "./stalled.ts";

/** What all calls have in common. */
export type FastCallOptions = {
  readonly maxMessageBytes: number;
  /** Ends what still runs; its reason is what clients are told. */
  readonly shutdown: AbortSignal;
  /** How long a request may take to come in. */
  readonly readMs: number;
  /** Learns of what clients have taken. */
  readonly guard: Pick<StallGuard, "moved">;
  readonly log: Log;
};

/** A call on its way through the fast path. */
export type FastCall = {
  readonly options: FastCallOptions;
  readonly method: BoundMethod;
  readonly frames: SharedFrames;
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly connection: Connection;
  readonly requestId: string;
  readonly controller: AbortController;
  readonly reader: FrameReader;
  readonly started: number;
  timeoutMs: number | undefined;
  encoding: "gzip" | undefined;
  /** Ends the reading of the request, or a stream at its deadline. */
  timer: NodeJS.Timeout | undefined;
  /** Bytes of the answer, as long as the stream is open. */
  unread: number;
  /** What a stream answers, from its first message on. */
  outbox: Outbox | undefined;
  /** Whether the answer is complete. */
  hasAnswer: boolean;
};

/**
 * Answers with an error, behind what was sent already: as headers alone, or for streams, whose clients look for headers
 * first, as headers and trailers.
 */
export function fail(call: FastCall, error: unknown, extra: Record<string, string> = {}): void {
  const { stream, requestId, options } = call;
  clearTimeout(call.timer);
  if (call.hasAnswer || stream.destroyed || stream.closed) return;
  call.hasAnswer = true;
  const wire = toWire(error, requestId);
  if (!(error instanceof ConnectError) && isInternal(wire))
    options.log.error({ requestId, err: error }, "request failed");
  if (call.method.shape === "unary")
    stream.respond({ ...headersOf(call), ...extra, ...grpcStatus(wire) }, { endStream: true });
  else outboxOf(call, extra).end(grpcStatus(wire));
  dropRest(call);
}

/** What a client still sends behind the answer is read and dropped, for a while. */
export function dropRest({ stream, options }: FastCall): void {
  if (stream.readableEnded) return;
  stream.resume();
  endHalfOpen(stream, options.shutdown);
}

/** What a stream answers; with its first use the answer begins. */
export function outboxOf(call: FastCall, extra: Record<string, string> = {}): Outbox {
  const { stream, options } = call;
  call.outbox ??= createOutbox(stream, { ...headersOf(call), ...extra }, () => options.guard.moved(stream));
  return call.outbox;
}

/** The headers of every answer. */
export function headersOf({ requestId }: FastCall): Record<string, string> {
  return { "content-type": "application/grpc+proto", "x-request-id": requestId };
}

/** A header of the request. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "object" ? value.join(", ") : value;
}
