import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import {
  constants,
  createServer as createHttp2,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Registry } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { compressionGzip, connectNodeAdapter } from "@connectrpc/connect-node";
import { precondition, unavailable } from "@stigmer/base";
import { toWire } from "./error-table.ts";
import { refusalOf } from "./origin.ts";

export type ListenOptions = {
  /** Addresses to listen on, the same port on each; those that the machine lacks are left out, but the first must work. */
  readonly hosts: readonly string[];
  /** 0 takes a free one. */
  readonly port: number;
  readonly routes: (router: ConnectRouter) => void;
  /** The messages that may stand packed in another one where it is JSON. */
  readonly registry: Registry;
  readonly limits: {
    readonly maxMessageBytes: number;
    readonly maxConnections: number;
    readonly maxConcurrentStreams: number;
  };
  /** Aborts what still runs when the server must end. */
  readonly shutdown: AbortSignal;
  /** How long a connection may take to say which protocol it speaks, and a request over HTTP/1.1 for its headers; 10 s unless told. */
  readonly patienceMs?: number;
};

/** A server that listens. */
export interface Listener {
  readonly port: number;
  /** Takes nothing new; resolves when every connection has ended, at the latest after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

const PATIENCE_MS = 10_000;
const HALF_OPEN_MS = 1_000;
/** The same while the server ends. */
const HALF_OPEN_AT_END_MS = 100;
/** What one connection may hold for all its streams together; at Node's 10 MB it would refuse a runner with a few large conversations. */
const MAX_SESSION_MEGABYTES = 1024;
const MAX_HEADER_BYTES = 32 * 1024;
/** The client preface of HTTP/2 with prior knowledge begins so (RFC 9113, section 3.4); no HTTP/1.1 method does. */
const HTTP2_PREFACE = "PRI * HTTP/2.0";

/**
 * Serves gRPC, gRPC-Web and Connect on one port: the first bytes of a connection tell HTTP/2 from HTTP/1.1. Refuses a
 * `Host` that is not a loopback name and an `Origin` that is not the server's own, so that no web page can drive it.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const sessions = new Set<ServerHttp2Session>();
  const serve = requestHandler(options);
  const { patienceMs = PATIENCE_MS } = options;
  const http1 = createHttp1(
    {
      ...{ maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: patienceMs, requestTimeout: 0 },
      connectionsCheckingInterval: patienceMs / 2,
    },
    serve,
  );
  http1.emit("listening"); // it does not listen itself, and without this it would never look at its timeouts
  const { maxConcurrentStreams } = options.limits;
  const settings = { maxConcurrentStreams, maxHeaderListSize: MAX_HEADER_BYTES };
  const http2 = createHttp2({ settings, maxSessionMemory: MAX_SESSION_MEGABYTES }, serve);
  http2.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {}); // a client that breaks the protocol ends its own session
    session.once("close", () => sessions.delete(session));
  });
  const sockets = new Set<Socket>();
  const accept = (socket: Socket): void => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    socket.once("close", () => clearTimeout(timer));
    route(socket, (isHttp2) => {
      clearTimeout(timer);
      (isHttp2 ? http2 : http1).emit("connection", socket);
    });
  };
  const { servers, port } = await openAll(options, accept);
  return {
    port,
    close: (graceMs) => close({ servers, sessions, sockets, closeIdle: () => http1.close() }, graceMs),
  };
}

function requestHandler(options: ListenOptions): (request: Request, response: Response) => void {
  const { maxMessageBytes } = options.limits;
  const connect = connectNodeAdapter({
    routes: options.routes,
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: 4 * maxMessageBytes,
    shutdownSignal: shutdownOf(options.shutdown),
    acceptCompression: [compressionGzip],
    jsonOptions: { ignoreUnknownFields: false, registry: options.registry },
  });
  return (request, response) => {
    endHalfOpen(response, options.shutdown);
    const refusal = refusalOf(request.headers);
    if (!refusal) return connect(request as never, response as never);
    const answer = response as ServerResponse;
    answer.writeHead(403, { "content-type": "application/json" });
    answer.end(JSON.stringify({ code: "permission_denied", message: refusal }));
  };
}

/** What clients are told whose calls the end of the server cuts short: try again. */
function shutdownOf(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const wire = toWire(unavailable("SHUTTING_DOWN", {}, { message: "the backend is stopping" }), "");
  signal.addEventListener("abort", () => controller.abort(wire), { once: true });
  return controller.signal;
}

/** A stream that has its answer, and whose request never ends, would count among the connection's streams for ever. */
function endHalfOpen(response: Response, shutdown: AbortSignal): void {
  if (!("stream" in response)) return;
  const { stream } = response;
  stream.once("wantTrailers", () => {
    const patienceMs = shutdown.aborted ? HALF_OPEN_AT_END_MS : HALF_OPEN_MS;
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), patienceMs);
    stream.once("close", () => clearTimeout(timer));
  });
}

/** Looks at the first bytes and puts them back. Nothing is put back before it is enough: that alone would count as news. */
function route(socket: Socket, known: (isHttp2: boolean) => void): void {
  socket.on("error", () => socket.destroy());
  socket.setNoDelay(true);
  let seen = Buffer.alloc(0);
  const look = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk) seen = Buffer.concat([seen, chunk]);
    const start = seen.toString("latin1", 0, HTTP2_PREFACE.length);
    if (start.length < HTTP2_PREFACE.length && HTTP2_PREFACE.startsWith(start))
      return void socket.once("readable", look);
    socket.unshift(seen);
    known(start === HTTP2_PREFACE);
  };
  socket.once("readable", look);
}

async function openAll(
  options: ListenOptions,
  accept: (socket: Socket) => void,
): Promise<{ servers: Server[]; port: number }> {
  const servers: Server[] = [];
  let { port } = options;
  for (const host of options.hosts) {
    const server = await open({ host, port, maxConnections: options.limits.maxConnections }, accept).catch(
      (cause: NodeJS.ErrnoException) => {
        if (servers.length > 0 && (cause.code === "EADDRNOTAVAIL" || cause.code === "EAFNOSUPPORT")) return undefined;
        for (const opened of servers) opened.close();
        throw unopened({ host, port }, cause);
      },
    );
    if (!server) continue;
    servers.push(server);
    port = (server.address() as AddressInfo).port;
  }
  return { servers, port };
}

function open(
  at: { host: string; port: number; maxConnections: number },
  accept: (socket: Socket) => void,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(accept);
    server.maxConnections = at.maxConnections;
    server.once("error", reject);
    server.listen({ host: at.host, port: at.port, ipv6Only: true }, () => resolve(server));
  });
}

function unopened({ host, port }: { host: string; port: number }, cause: NodeJS.ErrnoException): Error {
  const message =
    cause.code === "EADDRINUSE"
      ? `port ${port} is in use by another program; stop it, or choose another port with --port`
      : `can't listen on ${host}, port ${port}: ${cause.code ?? cause.message}`;
  return precondition("LISTEN_FAILED", { host, port }, { cause, message });
}

type Open = {
  readonly servers: readonly Server[];
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  readonly sockets: ReadonlySet<Socket>;
  readonly closeIdle: () => void;
};

async function close(open: Open, graceMs: number): Promise<void> {
  const closed = Promise.all(
    open.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
  );
  for (const session of open.sessions) session.close();
  open.closeIdle();
  const timer = setTimeout(() => {
    for (const socket of open.sockets) socket.destroy();
  }, graceMs);
  await closed;
  clearTimeout(timer);
}
