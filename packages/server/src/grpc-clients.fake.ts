import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { ErrorInfoSchema, StatusSchema } from "@stigmer/contracts/rpc";

/** What came back of one call over plain HTTP/2. */
export type RawAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** How the stream ended: 0 is well. */
  readonly rstCode: number;
};

export const GRPC = { "content-type": "application/grpc+proto", te: "trailers" };

/** A message as gRPC frames it. */
export function frame(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** One call on a connection; `send` writes the body, and may leave the request open. */
export function call(
  session: ClientHttp2Session,
  path: string,
  of: { readonly headers?: Readonly<Record<string, string>>; readonly send: (stream: ClientHttp2Stream) => void },
): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const stream = session.request({ ":method": "POST", ":path": path, ...GRPC, ...of.headers });
    const chunks: Buffer[] = [];
    const headers: IncomingHttpHeaders = {};
    stream.on("response", (got) => Object.assign(headers, got));
    stream.on("trailers", (got) => Object.assign(headers, got));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => {}); // how it ended is told by its code
    stream.on("close", () => {
      const { rstCode = 0 } = stream;
      resolve({ status: Number(headers[":status"]), headers, body: Buffer.concat(chunks), rstCode });
    });
    of.send(stream);
  });
}

/** A connection to a port of this machine, for as long as `run` takes. */
export async function withSession<T>(port: number, run: (session: ClientHttp2Session) => Promise<T>): Promise<T> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {}); // its streams tell
  try {
    return await run(session);
  } finally {
    session.destroy();
  }
}

/** An answer without what differs from call to call, and with its details read. */
export function comparable({ status, headers, body, rstCode }: RawAnswer) {
  const { date, "x-request-id": requestId, "grpc-status-details-bin": details, ...rest } = headers;
  const known = { ...rest };
  delete known[":status"];
  known["grpc-message"] = decodeURIComponent(String(known["grpc-message"] ?? "")).replace(/[0-9a-f-]{36}/, "<id>");
  if (body[0] !== 1) delete known["grpc-encoding"]; // a packing may be announced that no message uses
  return {
    status,
    headers: known,
    body: body.toString("hex"),
    rstCode,
    hasId: UUID.test(String(requestId)),
    details: statusOf(details),
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `google.rpc.Status` of an answer, with its one reason. */
export function statusOf(header: string | string[] | undefined) {
  if (header === undefined) return undefined;
  const { code, message, details } = fromBinary(StatusSchema, Buffer.from(String(header), "base64"));
  const infos = details
    .filter(({ typeUrl }) => typeUrl.endsWith(`/${ErrorInfoSchema.typeName}`))
    .map(({ value }) => read(ErrorInfoSchema, value));
  const reasons = infos.map(({ reason, domain, metadata: { request_id: _, ...metadata } }) => ({
    reason,
    domain,
    metadata,
  }));
  return {
    code,
    message: message.replace(/[0-9a-f-]{36}/, "<id>"),
    types: details.map(({ typeUrl }) => typeUrl),
    reasons,
  };
}

function read<S extends DescMessage>(schema: S, bytes: Uint8Array): MessageShape<S> {
  return fromBinary(schema, bytes);
}
