import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { fromBinary, type Message } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { Log } from "@stigmer/base";
import type { BoundMethod } from "./bind.ts";
import { isInternal, toWire } from "./error-table.ts";
import type { Incoming } from "./exchange.ts";
import { admitAnswer, type Connection, frameOf, isPacked, packedFrame, sendFrame } from "./grpc-answer.ts";
import { createFrameReader, encodingOf, type FrameReader, timeoutOf, unpack } from "./grpc-request.ts";
import { grpcStatus } from "./grpc-status.ts";
import { endHalfOpen } from "./half-open.ts";
import { refusalOf } from "./origin.ts";
import { cancelled, late, malformed } from "./protocol-faults.ts";

export type FastPathOptions = {
  readonly methods: readonly BoundMethod[];
  readonly maxMessageBytes: number;
  /** Ends what still runs; its reason is what clients are told. */
  readonly shutdown: AbortSignal;
  /** How long a request may take to come in. */
  readonly readMs: number;
  readonly log: Log;
};

/**
 * Serves unary gRPC on HTTP/2's own streams, which costs a fraction of what Connect's library needs. Answers false, and
 * does nothing, for every other request.
 */
export type FastPath = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, connection: Connection) => boolean;

type Unary = Extract<BoundMethod, { shape: "unary" }>;

type Call = {
  readonly options: FastPathOptions;
  readonly method: Unary;
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly connection: Connection;
  readonly requestId: string;
  readonly controller: AbortController;
  readonly reader: FrameReader;
  readonly started: number;
  timeoutMs: number | undefined;
  encoding: "gzip" | undefined;
  /** Ends the reading of the request. */
  timer: NodeJS.Timeout | undefined;
  /** Bytes of the answer, as long as the stream is open. */
  unread: number;
  hasAnswer: boolean;
};

const CONTENT_TYPE = "application/grpc+proto";

export function createFastPath(options: FastPathOptions): FastPath {
  const methods = new Map<string, Unary>();
  for (const bound of options.methods) {
    if (bound.shape === "unary") methods.set(`/${bound.method.parent.typeName}/${bound.method.name}`, bound);
  }
  const open = new Set<Call>();
  const { shutdown, maxMessageBytes } = options;
  shutdown.addEventListener("abort", () => {
    for (const { controller } of open) controller.abort(shutdown.reason);
  });
  return (stream, headers, connection) => {
    const method = isUnaryGrpc(headers) ? methods.get(headers[":path"] ?? "") : undefined;
    if (!method || refusalOf(headers)) return false;
    const call: Call = {
      ...{ options, method, stream, headers, connection },
      requestId: crypto.randomUUID(),
      controller: new AbortController(),
      reader: createFrameReader(maxMessageBytes),
      started: performance.now(),
      ...{ timeoutMs: undefined, encoding: undefined, timer: undefined, unread: 0, hasAnswer: false },
    };
    open.add(call);
    stream.on("close", () => {
      open.delete(call);
      connection.unread -= call.unread;
      clearTimeout(call.timer);
      if (!call.hasAnswer) call.controller.abort(cancelled());
    });
    if (shutdown.aborted) call.controller.abort(shutdown.reason);
    read(call);
    return true;
  };
}

function isUnaryGrpc(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"];
  return headers[":method"] === "POST" && (type === "application/grpc" || type === CONTENT_TYPE);
}

function read(call: Call): void {
  const { stream, headers, reader, options } = call;
  stream.on("error", () => {}); // a client that goes is told by `close`
  try {
    call.encoding = encodingOf(headerOf(headers, "grpc-encoding"));
  } catch (error) {
    fail(call, error, { "grpc-accept-encoding": "gzip" });
    return;
  }
  try {
    call.timeoutMs = timeoutOf(headerOf(headers, "grpc-timeout"));
  } catch (error) {
    fail(call, error);
    return;
  }
  const { timeoutMs = options.readMs } = call;
  const end = (): void => fail(call, late(timeoutMs < options.readMs ? undefined : options.readMs));
  call.timer = setTimeout(end, Math.min(timeoutMs, options.readMs));
  stream.on("data", (chunk: Buffer) => {
    if (call.hasAnswer) return;
    try {
      reader.add(chunk);
    } catch (error) {
      fail(call, error);
    }
  });
  stream.on("end", () => {
    clearTimeout(call.timer);
    // Every way in which it fails ends in an answer.
    if (!call.hasAnswer) void run(call);
  });
}

async function run(call: Call): Promise<void> {
  const { method, reader, options } = call;
  try {
    const frame = reader.end();
    const bytes = frame.compressed ? await unpack(frame, call.encoding, options.maxMessageBytes) : frame.bytes;
    await answer(call, await method.serveEncoded(parse(method, bytes), incomingOf(call)));
  } catch (error) {
    fail(call, error);
  }
}

function parse({ method }: Unary, bytes: Uint8Array): Message {
  try {
    return fromBinary(method.input, bytes);
  } catch {
    throw malformed();
  }
}

function incomingOf(call: Call): Incoming {
  const { requestId, controller, headers, timeoutMs } = call;
  return {
    ...{ protocol: "grpc", requestId, controller },
    timeoutMs: timeoutMs === undefined ? undefined : timeoutMs - (performance.now() - call.started),
    header: (name) => headerOf(headers, name),
  };
}

async function answer(call: Call, message: Uint8Array): Promise<void> {
  const { stream, connection, requestId, options } = call;
  admitAnswer(connection, message.length, options.maxMessageBytes);
  const packed = isPacked(call.headers, message.length);
  const frame = packed ? await packedFrame(message) : frameOf(message, false);
  if (stream.destroyed || stream.closed) return;
  call.hasAnswer = true;
  const headers = {
    "content-type": CONTENT_TYPE,
    "x-request-id": requestId,
    ...(packed && { "grpc-encoding": "gzip" }),
  };
  call.unread = frame.length;
  connection.unread += frame.length;
  sendFrame(stream, headers, frame);
}

/** Answers with an error, at once and in one frame. What the client still sends is read and dropped. */
function fail(call: Call, error: unknown, extra: Record<string, string> = {}): void {
  const { stream, requestId, options } = call;
  clearTimeout(call.timer);
  if (call.hasAnswer || stream.destroyed || stream.closed) return;
  call.hasAnswer = true;
  const wire = toWire(error, requestId);
  if (!(error instanceof ConnectError) && isInternal(wire))
    options.log.error({ requestId, err: error }, "request failed");
  const headers = { "content-type": CONTENT_TYPE, "x-request-id": requestId, ...extra, ...grpcStatus(wire) };
  stream.respond(headers, { endStream: true });
  stream.resume();
  if (!stream.readableEnded) endHalfOpen(stream, options.shutdown);
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "object" ? value.join(", ") : value;
}
