import { type ClientHttp2Session, connect, constants } from "node:http2";
import { Finding } from "./finding.ts";

/** Bytes for one method, in one of the protocols. */
export type Call = {
  /** `/package.Service/method`. */
  readonly path: string;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Whether the answer may never end; then it is given up after a moment. */
  readonly streams: boolean;
};

/** What came back: HTTP's status, gRPC's where there is one, and the body as far as it came. */
export type Answer = { readonly status: number; readonly grpcStatus: string | undefined; readonly body: Buffer };

/** Makes calls over one HTTP/2 connection, and opens another when that has ended. */
export interface Caller extends Disposable {
  /** Throws a finding when a call that must be answered is not. */
  call(call: Call, timeoutMs?: number): Promise<Answer>;
}

const STREAM_MS = 20;
const ANSWER_MS = 5_000;

export function createCaller(url: string): Caller {
  let session: ClientHttp2Session | undefined;
  const current = (): ClientHttp2Session => {
    if (!session || session.closed || session.destroyed) {
      session = connect(url);
      session.on("error", () => {}); // the streams say so too
    }
    return session;
  };
  return {
    call: (call, timeoutMs = ANSWER_MS) => exchange(current(), call, call.streams ? STREAM_MS : timeoutMs),
    [Symbol.dispose]: () => session?.destroy(),
  };
}

/** The message of a gRPC call, behind its prefix. */
export function framed(message: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flags);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function exchange(session: ClientHttp2Session, call: Call, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": call.path,
      "content-type": call.contentType,
      te: "trailers",
      ...call.headers,
    });
    const chunks: Buffer[] = [];
    let status = 0;
    let grpcStatus: string | undefined;
    const timer = setTimeout(() => {
      if (!call.streams) reject(new Finding(`${call.path} does not answer within ${timeoutMs} ms`));
      stream.close(constants.NGHTTP2_CANCEL);
    }, timeoutMs);
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
      if (headers["grpc-status"] !== undefined) grpcStatus = String(headers["grpc-status"]);
    });
    stream.on("trailers", (headers) => {
      if (headers["grpc-status"] !== undefined) grpcStatus = String(headers["grpc-status"]);
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => {}); // a stream that is refused has no answer, which its status says
    stream.on("close", () => {
      clearTimeout(timer);
      resolve({ status, grpcStatus, body: Buffer.concat(chunks) });
    });
    stream.end(call.body);
  });
}
