import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { gunzipSync } from "node:zlib";
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { codeFromHttpStatus, findTrailerError } from "@connectrpc/connect/protocol-grpc";
import type { Http2SessionManager } from "@connectrpc/connect-node";

export type LeanStreamsOptions = {
  readonly url: string;
  readonly session: Pick<Http2SessionManager, "request" | "notifyResponseByteRead">;
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
};

/**
 * A transport whose streams of answers to one request are read straight from HTTP/2: a runner asks for models and tools by
 * such, and they cost it most of its time. Where the line breaks they fail as UNAVAILABLE. All other calls, and those with
 * a deadline, go to `transport`.
 */
export function leanStreams(transport: Transport, options: LeanStreamsOptions): Transport {
  const base = new URL(options.url).pathname.replace(/\/$/, "");
  return {
    unary: transport.unary.bind(transport),
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      if (method.methodKind !== "server_streaming" || timeoutMs !== undefined) {
        return await transport.stream(method, signal, timeoutMs, header, input, contextValues);
      }
      signal?.throwIfAborted();
      const path = `${base}/${method.parent.typeName}/${method.name}`;
      const frame = frameOf(method.input, input, options.writeMaxBytes);
      // Whoever reads hears of what went wrong; a call that nobody reads yet must not fail aloud.
      const opened = await open(options.session, { path, header, frame }, signal).catch((problem: unknown) => ({
        problem,
      }));
      const trailer = new Headers();
      const message = messages(opened, { output: method.output, signal, options, trailer });
      return { stream: true, service: method.parent, method, header: headerOf(opened), trailer, message };
    },
  };
}

function headerOf(opened: Opened | Unopened): Headers {
  return "problem" in opened ? new Headers() : wordsOf(opened.heads[0]);
}

async function frameOf(
  schema: DescMessage,
  input: AsyncIterable<MessageInitShape<DescMessage>>,
  mostBytes: number,
): Promise<Buffer> {
  for await (const message of input) {
    const bytes = toBinary(schema, create(schema, message));
    if (bytes.length > mostBytes) {
      throw new ConnectError(
        `the request of ${bytes.length} bytes is larger than ${mostBytes}`,
        Code.ResourceExhausted,
      );
    }
    const frame = Buffer.allocUnsafe(PREFIX_BYTES + bytes.length);
    frame[0] = 0;
    frame.writeUInt32BE(bytes.length, 1);
    frame.set(bytes, PREFIX_BYTES);
    return frame;
  }
  throw new ConnectError("the call has no request", Code.Internal);
}

const PREFIX_BYTES = 5;
const HEADERS: OutgoingHttpHeaders = {
  "content-type": "application/grpc+proto",
  te: "trailers",
  "grpc-accept-encoding": "gzip",
};

type Sending = {
  readonly path: string;
  readonly header: ConstructorParameters<typeof Headers>[0];
  readonly frame: Promise<Buffer>;
};

/** A stream, and the headers and trailers that have come on it. */
type Opened = { readonly stream: ClientHttp2Stream; readonly heads: readonly IncomingHttpHeaders[] };

/** Why a stream could not be opened. */
type Unopened = { readonly problem: unknown };

/** Sends the request, and waits until the answer begins, or never will. */
async function open(
  session: LeanStreamsOptions["session"],
  { path, header, frame }: Sending,
  signal: AbortSignal | undefined,
): Promise<Opened> {
  const own = header ? Object.fromEntries(new Headers(header)) : undefined;
  const bytes = await frame;
  try {
    const stream = await session.request("POST", path, { ...own, ...HEADERS }, {});
    // Whoever reads hears of it.
    stream.on("error", () => {});
    const heads: IncomingHttpHeaders[] = [];
    stream.on("response", (headers) => heads.push(headers));
    stream.on("trailers", (headers) => heads.push(headers));
    stream.end(bytes);
    await begun(stream, signal);
    return { stream, heads };
  } catch (error) {
    throw lost(error);
  }
}

function begun(stream: ClientHttp2Stream, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const begins = (): void => {
    signal?.removeEventListener("abort", begins);
    resolve();
  };
  for (const event of ["response", "close", "error"]) stream.once(event, begins);
  signal?.addEventListener("abort", begins);
  if (signal?.aborted) begins();
  return promise;
}

type Reading<T extends DescMessage> = {
  readonly output: T;
  readonly signal: AbortSignal | undefined;
  readonly options: LeanStreamsOptions;
  /** Filled in when the answer has ended. */
  readonly trailer: Headers;
};

async function* messages<T extends DescMessage>(
  opened: Opened | Unopened,
  { output, signal, options, trailer }: Reading<T>,
): AsyncGenerator<MessageShape<T>> {
  if ("problem" in opened) throw opened.problem;
  const { stream, heads } = opened;
  const abort = (): void => stream.close(constants.NGHTTP2_CANCEL);
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  let isRead = false;
  try {
    const cut = createCutter(options.readMaxBytes);
    for await (const chunk of stream) {
      options.session.notifyResponseByteRead(stream);
      for (const bytes of cut(chunk)) yield fromBinary(output, bytes);
    }
    isRead = true;
    for (const [name, value] of wordsOf(heads.at(-1))) trailer.set(name, value);
    requireOk(heads);
  } catch (error) {
    if (signal?.aborted) throw ConnectError.from(signal.reason, Code.Canceled);
    throw error instanceof ConnectError ? error : lost(error, resetOf(stream));
  } finally {
    signal?.removeEventListener("abort", abort);
    // A reset of a stream that has ended would count as misuse.
    if (!isRead && !stream.closed) abort();
  }
}

/** Cuts chunks into the messages that they are parts of. */
function createCutter(mostBytes: number): (chunk: Buffer) => Uint8Array[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const found: Uint8Array[] = [];
    while (rest.length >= PREFIX_BYTES) {
      const length = rest.readUInt32BE(1);
      if (length > mostBytes) {
        throw new ConnectError(`the answer of ${length} bytes is larger than ${mostBytes}`, Code.ResourceExhausted);
      }
      if (rest.length < PREFIX_BYTES + length) break;
      const bytes = rest.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
      found.push(rest[0] === 1 ? gunzipSync(bytes, { maxOutputLength: mostBytes }) : bytes);
      rest = rest.subarray(PREFIX_BYTES + length);
    }
    return found;
  };
}

/** Refuses an end that is not a success: by the status of the call, or else of the HTTP response. */
function requireOk(heads: readonly IncomingHttpHeaders[]): void {
  const last = heads.findLast((head) => head["grpc-status"] !== undefined);
  if (last?.["grpc-status"] === "0") return;
  const status = Number(heads[0]?.[":status"] ?? 200);
  if (!last && status !== 200) throw new ConnectError(`HTTP ${status}`, codeFromHttpStatus(status));
  throw findTrailerError(wordsOf(last)) ?? new ConnectError("the answer ended without a status", Code.Unavailable);
}

function wordsOf(head: IncomingHttpHeaders | undefined): Headers {
  const words = Object.entries(head ?? {}).filter(([name]) => !name.startsWith(":"));
  return new Headers(words.map(([name, value]): [string, string] => [name, String(value)]));
}

/** What the other side reset a stream with. Where the line itself is gone, Node gives its streams a code that nobody sent. */
function resetOf({ session, rstCode }: ClientHttp2Stream): number | undefined {
  return session === undefined || session.destroyed || session.closed ? undefined : rstCode;
}

/** A line that broke; what the other side means by its reset is told apart. */
function lost(error: unknown, resetCode?: number): ConnectError {
  if (error instanceof RangeError) return new ConnectError(error.message, Code.ResourceExhausted);
  if (error instanceof ConnectError && error.code !== Code.Canceled && error.code !== Code.Aborted) return error;
  const isSocketError = error instanceof Error && "syscall" in error;
  const isReset = resetCode === constants.NGHTTP2_INTERNAL_ERROR || resetCode === constants.NGHTTP2_PROTOCOL_ERROR;
  const isFault = isReset && !isSocketError;
  const message = isFault ? "the backend broke the answer off" : "the connection to the backend was lost";
  return new ConnectError(message, isFault ? Code.Internal : Code.Unavailable, undefined, undefined, error);
}
