import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from "node:http2";

/** Connections to one server, used in turns. */
export interface Connections extends Disposable {
  next(): ClientHttp2Session;
}

const WINDOW_BYTES = 16 * 1024 * 1024;
const LENGTH_PREFIX = 5;

export async function openConnections(url: string, count: number): Promise<Connections> {
  const sessions = await Promise.all(Array.from({ length: count }, () => open(url)));
  const [first] = sessions;
  if (!first) throw new Error("no connection was asked for");
  let turn = 0;
  return {
    next: () => sessions[turn++ % count] ?? first,
    [Symbol.dispose]() {
      for (const session of sessions) session.destroy();
    },
  };
}

/** The headers of a gRPC call. */
export function grpcHeaders(url: string, path: string): OutgoingHttpHeaders {
  const address = { ":method": "POST", ":scheme": "http", ":authority": new URL(url).host, ":path": path };
  return { ...address, "content-type": "application/grpc", te: "trailers" };
}

/** A message behind its gRPC length prefix. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(LENGTH_PREFIX + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, LENGTH_PREFIX);
  return frame;
}

/** Resolves to undefined when the call has succeeded, and else to what it ended with. Leaves the stream's data alone. */
export function ending(stream: ClientHttp2Stream): Promise<string | undefined> {
  return new Promise((resolve) => {
    let status = "no grpc-status";
    const note = (headers: OutgoingHttpHeaders): void => {
      const code = headers["grpc-status"];
      if (code !== undefined) status = code === "0" ? "" : `${code}: ${headers["grpc-message"] ?? ""}`;
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("error", (error) => {
      status = error.message;
    });
    stream.on("close", () => resolve(status === "" ? undefined : status));
  });
}

/** One unary call; resolves to its message, if it is no longer than one frame of data, or rejects. */
export async function unary(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  message: Uint8Array,
): Promise<Buffer> {
  const stream = session.request(headers);
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = ending(stream);
  stream.end(framed(message));
  const refused = await ended;
  if (refused !== undefined) throw new Error(refused);
  return Buffer.concat(chunks).subarray(LENGTH_PREFIX);
}

/** One call with JSON, as Restate's ingress takes it; resolves to the answer's text, or rejects where it is refused. */
export async function post(session: ClientHttp2Session, url: URL, body: Uint8Array): Promise<string> {
  const address = { ":method": "POST", ":scheme": "http", ":authority": url.host, ":path": url.pathname + url.search };
  const stream = session.request({ ...address, "content-type": "application/json" });
  const chunks: Buffer[] = [];
  const status = { code: 0 };
  stream.on("response", (headers) => {
    status.code = Number(headers[":status"]);
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => {}); // its status says so
  const closed = new Promise((resolve) => stream.once("close", resolve));
  stream.end(body);
  await closed;
  const text = Buffer.concat(chunks).toString();
  if (status.code < 200 || status.code > 299) throw new Error(`${url.pathname} answered ${status.code}: ${text}`);
  return text;
}

function open(url: string): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(url, { settings: { initialWindowSize: WINDOW_BYTES }, maxSessionMemory: 1024 });
    session.once("error", reject);
    session.once("connect", () => {
      session.off("error", reject);
      session.on("error", () => {}); // its streams say so too
      session.setLocalWindowSize(WINDOW_BYTES);
      resolve(session);
    });
  });
}
