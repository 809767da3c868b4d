import { request as http1, type IncomingHttpHeaders } from "node:http";
import { type IncomingHttpHeaders as Http2Headers, connect as http2 } from "node:http2";
import { connect, type Socket } from "node:net";

/** Clients that send what a well-behaved one never would. */

export type RawAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

/** One POST over HTTP/1.1. */
export function post(
  port: number,
  path: string,
  of: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Uint8Array },
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", ...of.headers };
    const request = http1({ port, host: "127.0.0.1", path, method: "POST", headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(of.body ?? "{}");
  });
}

/** One POST over HTTP/2 with prior knowledge; `headers` has the trailers too. */
export function post2(
  port: number,
  path: string,
  of: { readonly headers?: Readonly<Record<string, string>>; readonly body?: Uint8Array },
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const session = http2(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const stream = session.request({ ":method": "POST", ":path": path, ...of.headers });
    const chunks: Buffer[] = [];
    let headers: Http2Headers = {};
    stream.on("response", (got) => {
      headers = { ...headers, ...got };
    });
    stream.on("trailers", (got) => {
      headers = { ...headers, ...got };
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("end", () => {
      session.close();
      resolve({ status: Number(headers[":status"]), headers, body: Buffer.concat(chunks) });
    });
    stream.end(of.body ?? new Uint8Array());
  });
}

/** A message as gRPC frames it. */
export function grpcFrame(message: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** A connection that is open and has said nothing. */
export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
  });
}
