import { createServer as createHttp1 } from "node:http";
import { constants, createServer as createHttp2, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Registry } from "@bufbuild/protobuf";
import { type Log, precondition, silentLog } from "@stigmer/base";
import type { BoundMethod } from "./bind.ts";
import { connectPath } from "./connect-path.ts";
import { toWire } from "./error-table.ts";
import { createFastPath } from "./fast-path.ts";
import type { Connection } from "./grpc-answer.ts";
import { endHalfOpen } from "./half-open.ts";
import { shuttingDown } from "./protocol-faults.ts";
import type { Request, Response } from "./refuse.ts";
import { createStallGuard, type StallGuard } from "./stalled.ts";
import { endUnresponsive } from "./unresponsive.ts";

export type ListenOptions = {
  /** Addresses to listen on, the same port on each; those that the machine lacks are left out, but the first must work. */
  readonly hosts: readonly string[];
  /** 0 takes a free one. */
  readonly port: number;
  readonly methods: readonly BoundMethod[];
  /** The messages that may stand packed in another one where it is JSON. */
  readonly registry: Registry;
  readonly limits: {
    readonly maxMessageBytes: number;
    readonly maxConnections: number;
    readonly maxConcurrentStreams: number;
  };
  /** Aborts what still runs when the server must end. */
  readonly shutdown: AbortSignal;
  /** How long a connection may take to begin its protocol, and a request over HTTP/1.1 for its headers; 10 s unless told. */
  readonly patienceMs?: number;
  /** How long a request that is one message may take to come in; 30 s unless told. */
  readonly readMs?: number;
  /** How long something may wait for a client that reads nothing of it, and how often HTTP/2 clients show that they read; 60 s unless told. */
  readonly stalledMs?: number;
  /** False has Connect's library serve unary gRPC too, for tests that compare the two. */
  readonly fastPath?: boolean;
  readonly log?: Log;
};

/** A server that listens. */
export interface Listener {
  readonly port: number;
  /** Takes nothing new; resolves when every connection has ended, at the latest after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const PATIENCE_MS = 10_000;
const READ_MS = 30_000;
const STALLED_MS = 60_000;
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
  const guard = createStallGuard(options.stalledMs ?? STALLED_MS);
  const shutdown = shutdownOf(options.shutdown);
  const { http1, http2, sessions } = createProtocols(options, { guard, shutdown });
  const sockets = new Set<Socket>();
  const { patienceMs = PATIENCE_MS } = options;
  const accept = (socket: Socket): void => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    guard.watch(socket, () => socket.destroy());
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
    async close(graceMs) {
      await close({ servers, sessions, sockets, closeIdle: () => http1.close() }, graceMs);
      guard.stop();
    },
  };
}

type Shared = { readonly guard: StallGuard; readonly shutdown: AbortSignal };

/** Servers that don't listen themselves: sockets are handed to them. */
function createProtocols(options: ListenOptions, shared: Shared) {
  const { patienceMs = PATIENCE_MS, limits } = options;
  const serve = createConnectPath(options, shared);
  const http1 = createHttp1(
    {
      ...{ maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: patienceMs, requestTimeout: 0 },
      connectionsCheckingInterval: patienceMs / 2,
    },
    serve,
  );
  http1.emit("listening"); // without this it would never look at its timeouts
  const settings = { maxConcurrentStreams: limits.maxConcurrentStreams, maxHeaderListSize: MAX_HEADER_BYTES };
  const http2 = createHttp2({ settings, maxSessionMemory: MAX_SESSION_MEGABYTES });
  const compatible = createHttp2(serve); // turns streams into requests and responses
  const sessions = new Set<ServerHttp2Session>();
  const fastPath = options.fastPath === false ? () => false : createFastPath(pathOptions(options, shared));
  http2.on("session", (session) => {
    const connection: Connection = { unread: 0 };
    sessions.add(session);
    session.on("error", () => {}); // a client that breaks the protocol ends its own session
    endUnresponsive(session, options.stalledMs ?? STALLED_MS);
    const timer = setTimeout(() => session.destroy(), patienceMs); // the first frame of both is a SETTINGS
    session.once("remoteSettings", () => clearTimeout(timer));
    session.once("close", () => {
      clearTimeout(timer);
      sessions.delete(session);
    });
    session.on("stream", (stream, headers, flags, rawHeaders) => {
      shared.guard.watch(stream, () => stream.close(constants.NGHTTP2_CANCEL));
      if (!fastPath(stream, headers, connection)) compatible.emit("stream", stream, headers, flags, rawHeaders);
    });
  });
  return { http1, http2, sessions };
}

function createConnectPath(options: ListenOptions, shared: Shared): (request: Request, response: Response) => void {
  const serve = connectPath({ ...pathOptions(options, shared), registry: options.registry });
  return (request, response) => {
    if ("stream" in response) {
      const { stream } = response;
      stream.once("wantTrailers", () => endHalfOpen(stream, options.shutdown));
    }
    serve(request, response);
  };
}

function pathOptions({ methods, limits, readMs = READ_MS, log = silentLog }: ListenOptions, shared: Shared) {
  return { methods, maxMessageBytes: limits.maxMessageBytes, readMs, log, ...shared };
}

/** What clients are told whose calls the end of the server cuts short: try again. */
function shutdownOf(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  signal.addEventListener("abort", () => controller.abort(toWire(shuttingDown(), "")), { once: true });
  return controller.signal;
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
