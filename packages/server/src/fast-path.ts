import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import { type BoundMethod, oneByOne } from "./bind.ts";
import type { Incoming } from "./exchange.ts";
import { requestsOf } from "./fast-bidi.ts";
import { type FastCall, type FastCallOptions, fail, headerOf, headersOf } from "./fast-call.ts";
import { answerMany } from "./fast-stream.ts";
import { admitAnswer, type Connection, frameOf, isPacked, packedFrame, sendFrame } from "./grpc-answer.ts";
import { createFrameReader, encodingOf, timeoutOf, unpack } from "./grpc-request.ts";
import { refusalOf } from "./origin.ts";
import { cancelled, late, malformed } from "./protocol-faults.ts";
import { createSharedFrames } from "./shared-frames.ts";

export type FastPathOptions = FastCallOptions & { readonly methods: readonly BoundMethod[] };

/**
 * Serves gRPC on HTTP/2's own streams, which costs a fraction of what Connect's library needs.
 * Answers false, and does nothing, for every other request.
 */
export type FastPath = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, connection: Connection) => boolean;

export function createFastPath(options: FastPathOptions): FastPath {
  const methods = new Map<string, BoundMethod>();
  for (const bound of options.methods) methods.set(`/${bound.method.parent.typeName}/${bound.method.name}`, bound);
  const open = new Set<FastCall>();
  const { shutdown, maxMessageBytes } = options;
  const frames = createSharedFrames(maxMessageBytes);
  shutdown.addEventListener("abort", () => {
    for (const { controller } of open) controller.abort(shutdown.reason);
  });
  return (stream, headers, connection) => {
    const method = isGrpc(headers) ? methods.get(headers[":path"] ?? "") : undefined;
    if (!method || refusalOf(headers) || (method.shape !== "unary" && headers["grpc-encoding"] === "gzip"))
      return false;
    const call: FastCall = {
      ...{ options, method, frames, stream, headers, connection },
      requestId: crypto.randomUUID(),
      controller: new AbortController(),
      reader: createFrameReader(maxMessageBytes),
      started: performance.now(),
      ...{ timeoutMs: undefined, encoding: undefined, timer: undefined, unread: 0 },
      ...{ outbox: undefined, hasAnswer: false },
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

function isGrpc(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"];
  return headers[":method"] === "POST" && (type === "application/grpc" || type === "application/grpc+proto");
}

function read(call: FastCall): void {
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
  if (call.method.shape === "bidi") return void run(call);
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

async function run(call: FastCall): Promise<void> {
  const { method, reader, options } = call;
  try {
    if (method.shape === "bidi") return await converse(call, method);
    const frame = reader.end();
    const bytes = frame.compressed ? await unpack(frame, call.encoding, options.maxMessageBytes) : frame.bytes;
    const request = parse(method.method.input, bytes);
    if (method.shape === "unary") await answer(call, await method.serveEncoded(request, incomingOf(call)));
    else await answerMany(call, method.serveBatches(request, incomingOf(call)));
  } catch (error) {
    fail(call, error);
  }
}

async function converse(call: FastCall, { method, serve }: Extract<BoundMethod, { shape: "bidi" }>): Promise<void> {
  const requests = requestsOf({
    stream: call.stream,
    input: method.input,
    maxMessageBytes: call.options.maxMessageBytes,
  });
  await answerMany(call, oneByOne(serve(requests, incomingOf(call))));
}

function parse(input: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(input, bytes);
  } catch {
    throw malformed();
  }
}

function incomingOf(call: FastCall): Incoming {
  const { requestId, controller, headers, timeoutMs } = call;
  return {
    ...{ protocol: "grpc", requestId, controller },
    timeoutMs: timeoutMs === undefined ? undefined : timeoutMs - (performance.now() - call.started),
    header: (name) => headerOf(headers, name),
  };
}

async function answer(call: FastCall, message: Uint8Array): Promise<void> {
  const { stream, connection, options } = call;
  admitAnswer(connection, message.length, options.maxMessageBytes);
  const packed = isPacked(call.headers, message.length);
  const frame = packed ? await packedFrame(message) : frameOf(message, false);
  if (stream.destroyed || stream.closed) return;
  call.hasAnswer = true;
  const headers = { ...headersOf(call), ...(packed && { "grpc-encoding": "gzip" }) };
  call.unread = frame.length;
  connection.unread += frame.length;
  sendFrame(stream, frame, { headers, moved: () => options.guard.moved(stream) });
}
