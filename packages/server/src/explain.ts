import { gunzipSync } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  createAsyncIterable,
  encodeEnvelope,
  readAllBytes,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  endStreamFlag,
  endStreamFromJson,
  endStreamToJson,
  errorFromJsonBytes,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { findTrailerError, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import type { Passage } from "./connect-routes.ts";
import { answeringFault, hasReason, readingFault, toWire } from "./error-table.ts";

const COMPRESSED = 1;
const HEAD_BYTES = 5;

/**
 * Gives the errors that Connect's library raises by itself, before a handler is reached or after it, what every error
 * of this backend has: a reason, details and a message that says what to do. All other answers pass as they are.
 */
export async function explain(response: UniversalServerResponse, passage: Passage): Promise<UniversalServerResponse> {
  const better = (error: ConnectError): ConnectError | undefined => {
    if (hasReason(error)) return undefined;
    const cause = passage.json ? error.rawMessage : undefined;
    return toWire(passage.reached ? answeringFault(error) : readingFault(error, cause), passage.requestId);
  };
  const type = response.header?.get("content-type") ?? "";
  const body = response.body as Bytes | undefined;
  if (!body) return response;
  if (type.startsWith("application/grpc-web"))
    return {
      ...response,
      body: withEnd(body, { flag: trailerFlag, rewrite: (data) => rewriteTrailers(data, better) }),
    };
  if (type.startsWith("application/grpc"))
    return response.trailer ? { ...response, body: withTrailer(body, response.trailer, better) } : response;
  if (type.startsWith("application/connect"))
    return { ...response, body: withEnd(body, { flag: endStreamFlag, rewrite: (data) => rewriteEnd(data, better) }) };
  return response.status === 200 ? response : rewriteBody(response, body, better);
}

/** The error in better words; undefined where it has them. */
type Better = (error: ConnectError) => ConnectError | undefined;
type Bytes = AsyncIterable<Uint8Array>;

/** gRPC: the status stands in the HTTP trailers, which are read after the body. */
async function* withTrailer(body: Bytes, trailer: Headers, better: Better): Bytes {
  yield* body;
  const error = findTrailerError(trailer);
  const said = error && better(error);
  if (said) setTrailerStatus(trailer, said);
}

/** gRPC-Web and streams over Connect: the status stands in the body's last envelope. */
async function* withEnd(
  body: Bytes,
  end: { readonly flag: number; readonly rewrite: (data: Uint8Array) => Uint8Array | undefined },
): Bytes {
  for await (const chunk of body) {
    const [flags = 0] = chunk;
    if (!(flags & end.flag)) {
      yield chunk;
      continue;
    }
    const data = chunk.subarray(HEAD_BYTES);
    const said = end.rewrite(flags & COMPRESSED ? gunzipSync(data) : data);
    yield said ? encodeEnvelope(end.flag, said) : chunk;
  }
}

function rewriteTrailers(data: Uint8Array, better: Better): Uint8Array | undefined {
  const trailer = trailerParse(data);
  const error = findTrailerError(trailer);
  const said = error && better(error);
  return said && trailerSerialize(setTrailerStatus(trailer, said));
}

function rewriteEnd(data: Uint8Array, better: Better): Uint8Array | undefined {
  const { metadata, error } = endStreamFromJson(data);
  const said = error && better(error);
  return said && Buffer.from(JSON.stringify(endStreamToJson(metadata, said, undefined)));
}

/** A single answer over Connect: an error is the body. */
async function rewriteBody(
  response: UniversalServerResponse,
  body: Bytes,
  better: Better,
): Promise<UniversalServerResponse> {
  const header = new Headers(response.header);
  const sent = await readAllBytes(body, Number.MAX_SAFE_INTEGER);
  const plain = header.get("content-encoding") === "gzip" ? gunzipSync(sent) : sent;
  const said = better(errorFromJsonBytes(plain, undefined, new ConnectError("", Code.Internal)));
  if (!said) return { ...response, body: createAsyncIterable([sent]) };
  const bytes = errorToJsonBytes(said, undefined);
  header.delete("content-encoding");
  header.set("content-length", String(bytes.byteLength));
  return { ...response, status: codeToHttpStatus(said.code), header, body: createAsyncIterable([bytes]) };
}
