import type { Registry } from "@bufbuild/protobuf";
import { createConnectRouter, createContextValues, type HandlerContext } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Fault, Log } from "@stigmer/base";
import type { BoundMethod } from "./bind.ts";
import { connectRoutes, type Passage, passageKey } from "./connect-routes.ts";
import { toWire } from "./error-table.ts";
import { explain } from "./explain.ts";
import { timeoutOf } from "./grpc-request.ts";
import { refusalOf } from "./origin.ts";
import { late, unknownCompression, unknownMethod, unspeakable } from "./protocol-faults.ts";
import { type Request, type Response, refuse } from "./refuse.ts";

export type ConnectPathOptions = {
  readonly methods: readonly BoundMethod[];
  /** The messages that may stand packed in another one where it is JSON. */
  readonly registry: Registry;
  readonly maxMessageBytes: number;
  /** Ends what still runs; its reason is what clients are told. */
  readonly shutdown: AbortSignal;
  /** How long a request that is one message may take to come in. */
  readonly readMs: number;
  readonly log: Log;
};

/** Serves every method in Connect, gRPC-Web and gRPC, binary and JSON, by Connect's library. */
export function connectPath(options: ConnectPathOptions): (request: Request, response: Response) => void {
  const router = createConnectRouter({
    readMaxBytes: options.maxMessageBytes,
    writeMaxBytes: 4 * options.maxMessageBytes,
    shutdownSignal: options.shutdown,
    acceptCompression: [compressionGzip],
    jsonOptions: { ignoreUnknownFields: false, registry: options.registry },
    requestGate: refuseUnknownCompression,
  });
  connectRoutes(options.methods)(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    request.on("error", () => {}); // a client may go before its request is whole; whoever reads it is told
    const requestId = crypto.randomUUID();
    const no = (fault: Fault, status: number): void => refuse(request, response, { fault, requestId, status });
    const refusal = refusalOf(request.headers);
    if (refusal) return no(refusal, 403);
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const handler = handlers.get(path);
    if (!handler) return no(unknownMethod(path), 404);
    serve(handler, { request, response, requestId, readMs: options.readMs }, no).catch((err) => {
      // What is left here is an answer that nobody takes any more.
      options.log.debug({ requestId, err }, "answer was not sent");
      response.destroy();
    });
  };
}

/** What a timer of Node can wait at most. */
const MAX_DELAY_MS = 2 ** 31 - 1;

type Coming = {
  readonly request: Request;
  readonly response: Response;
  readonly requestId: string;
  readonly readMs: number;
};

async function serve(
  handler: UniversalHandler,
  { request, response, requestId, readMs }: Coming,
  no: (fault: Fault, status: number) => void,
): Promise<void> {
  const json = /json|[?&]encoding=json/.test(`${request.headers["content-type"] ?? ""} ${request.url}`);
  const passage: Passage = { requestId, json, reached: false };
  const values = createContextValues().set(passageKey, passage);
  const whole = universalRequestFromNodeRequest(request as never, response as never, undefined, values);
  const isOne = handler.method.methodKind === "unary" || handler.method.methodKind === "server_streaming";
  capTimeout(whole.header);
  const body = whole.body as AsyncIterable<Uint8Array>;
  const raw = await handler(isOne ? { ...whole, body: within(readMs, body, requestId) } : whole);
  if (!raw.body && raw.status >= 400) return no(unspeakable(raw.status), raw.status);
  const answer = await explain(raw, passage);
  answer.header?.set("x-request-id", requestId);
  await universalResponseToNodeResponse(answer, response);
}

/** The library's timer ends a call at once whose timeout is more than a timer can wait. */
function capTimeout(header: Headers): void {
  const [grpc, connect] = [header.get("grpc-timeout") ?? "", header.get("connect-timeout-ms") ?? ""];
  if (/^\d{1,8}[HMS]$/.test(grpc) && (timeoutOf(grpc) ?? 0) > MAX_DELAY_MS)
    header.set("grpc-timeout", `${Math.floor(MAX_DELAY_MS / 1000)}S`);
  if (/^\d{1,10}$/.test(connect) && Number(connect) > MAX_DELAY_MS)
    header.set("connect-timeout-ms", String(MAX_DELAY_MS));
}

/** A body that must have come in after `ms`. */
async function* within(ms: number, body: AsyncIterable<Uint8Array>, requestId: string): AsyncIterable<Uint8Array> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  over.catch(() => {}); // nobody need be waiting
  const timer = setTimeout(() => reject(toWire(late(ms), requestId)), ms);
  const source = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([source.next(), over]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The library would refuse it too, but can't say what it would take instead. */
function refuseUnknownCompression(context: HandlerContext): void {
  const [asked, offered] = encodingHeaders(context);
  const name = context.requestHeader.get(asked) ?? "identity";
  if (name === "identity" || name === compressionGzip.name) return;
  context.responseHeader.set(offered, compressionGzip.name);
  throw toWire(unknownCompression(name), context.values.get(passageKey)?.requestId ?? "");
}

function encodingHeaders({ protocolName, requestHeader }: HandlerContext): readonly [asked: string, offered: string] {
  if (protocolName !== "connect") return ["grpc-encoding", "grpc-accept-encoding"];
  const isStream = requestHeader.get("content-type")?.startsWith("application/connect");
  return isStream ? ["connect-content-encoding", "connect-accept-encoding"] : ["content-encoding", "accept-encoding"];
}
