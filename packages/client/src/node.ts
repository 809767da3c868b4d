import { compressionGzip, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { type Client, clientOver } from "./client.ts";
import { brokenLine, idempotency, retry } from "./interceptors.ts";

export type ConnectOptions = {
  /** `http://localhost:50051`. */
  readonly url: string;
  /** Tries of a unary call while the backend is away; 3 unless told. */
  readonly attempts?: number;
};

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** What a backend takes unless set otherwise. A larger upload that it breaks off makes Node's HTTP/2 refuse every later call of the connection. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** What one connection may hold for all calls together; Node's 10 MB is less than a few large conversations at once. */
const MAX_SESSION_MEGABYTES = 1024;
const PING_INTERVAL_MS = 20_000;

/** A client over gRPC with prior knowledge of HTTP/2. Connects at the first call. */
export function connectTo(options: ConnectOptions): Client {
  const pings = { pingIntervalMs: PING_INTERVAL_MS };
  const session = new Http2SessionManager(options.url, pings, { maxSessionMemory: MAX_SESSION_MEGABYTES });
  const transport = createGrpcTransport({
    baseUrl: options.url,
    sessionManager: session,
    interceptors: [idempotency, retry({ attempts: options.attempts ?? 3, firstDelayMs: 100 }), brokenLine],
    acceptCompression: [compressionGzip],
    readMaxBytes: MAX_MESSAGE_BYTES,
    writeMaxBytes: MAX_REQUEST_BYTES,
  });
  return clientOver(transport, { url: options.url, close: () => session.abort() });
}
