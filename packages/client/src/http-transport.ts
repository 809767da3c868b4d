import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import type { UniversalClientFn, UniversalClientResponse } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";
import { isFault } from "@stigmer/base";
import type { HttpAnswer, HttpLine } from "./http-line.ts";

export type HttpTransportOptions = {
  readonly url: string;
  readonly interceptors: Interceptor[];
  readonly maxRequestBytes: number;
  readonly maxAnswerBytes: number;
};

/** Unary calls in the Connect protocol over HTTP/1.1. Streams belong to another transport. */
export function httpTransport(line: HttpLine, options: HttpTransportOptions): Pick<Transport, "unary"> {
  return createTransport({
    baseUrl: options.url,
    httpClient: clientOver(line, options.url),
    useBinaryFormat: true,
    interceptors: options.interceptors,
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 0,
    readMaxBytes: options.maxAnswerBytes,
    writeMaxBytes: options.maxRequestBytes,
  });
}

function clientOver(line: HttpLine, url: string): UniversalClientFn {
  const prefix = url.replace(/\/$/, "").length;
  return async ({ url: target, header, body, signal }) => {
    const message = await joined(body ?? []);
    try {
      const answer = await line.send({ path: target.slice(prefix), headers: plain(header), body: message, signal });
      return responseOf(answer);
    } catch (error) {
      if (isFault(error)) throw new ConnectError(error.message, Code.Unavailable, undefined, undefined, error);
      if (error instanceof RangeError) throw new ConnectError(error.message, Code.ResourceExhausted);
      throw error;
    }
  };
}

function plain(header: Headers): Record<string, string> {
  return Object.fromEntries(header.entries());
}

async function joined(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

function responseOf({ status, headers, body }: HttpAnswer): UniversalClientResponse {
  const header = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value ?? ""]) header.append(name, one);
  }
  return { status, header, body: one(body), trailer: new Headers() };
}

async function* one(body: Uint8Array): AsyncIterable<Uint8Array> {
  yield body;
}
