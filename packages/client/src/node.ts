import type { Transport } from "@connectrpc/connect";
import { compressionGzip, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { type Client, clientOver } from "./client.ts";
import { brokenLine, idempotency, retry } from "./interceptors.ts";
import { leanStreams } from "./lean-streams.ts";
import { FIRST_DELAY_MS, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES } from "./limits.ts";

export type ConnectOptions = {
  /** `http://localhost:50051`. */
  readonly url: string;
  /** Tries of a unary call while the backend is away; 3 unless told. */
  readonly attempts?: number;
};

/** What one connection may hold for all calls together; Node's 10 MB is less than a few large conversations at once. */
const MAX_SESSION_MEGABYTES = 1024;
const PING_INTERVAL_MS = 20_000;

/** A client over gRPC with prior knowledge of HTTP/2. Connects at the first call. */
export function connectTo(options: ConnectOptions): Client {
  const { transport, close } = grpcTransport(options);
  return clientOver(transport, { url: options.url, close });
}

/** The transport of such a client, and what ends its connection. */
export function grpcTransport(options: ConnectOptions): { readonly transport: Transport; readonly close: () => void } {
  const pings = { pingIntervalMs: PING_INTERVAL_MS };
  const session = new Http2SessionManager(options.url, pings, { maxSessionMemory: MAX_SESSION_MEGABYTES });
  const transport = createGrpcTransport({
    baseUrl: options.url,
    sessionManager: session,
    interceptors: [idempotency, retry({ attempts: options.attempts ?? 3, firstDelayMs: FIRST_DELAY_MS }), brokenLine],
    acceptCompression: [compressionGzip],
    readMaxBytes: MAX_ANSWER_BYTES,
    writeMaxBytes: MAX_REQUEST_BYTES,
  });
  const limits = { readMaxBytes: MAX_ANSWER_BYTES, writeMaxBytes: MAX_REQUEST_BYTES };
  return { transport: leanStreams(transport, { url: options.url, session, ...limits }), close: () => session.abort() };
}
