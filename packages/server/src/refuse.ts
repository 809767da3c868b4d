import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import type { Fault } from "@stigmer/base";
import { toWire } from "./error-table.ts";
import { grpcStatus } from "./grpc-status.ts";

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

/** Answers a request that reaches no method, in its own protocol as far as it is known. */
export function refuse(
  request: Request,
  response: Response,
  { fault, requestId, status }: { readonly fault: Fault; readonly requestId: string; readonly status: number },
): void {
  const wire = toWire(fault, requestId);
  const [grpc] = /^application\/grpc(-web)?/.exec(request.headers["content-type"] ?? "") ?? [];
  const answer = response as ServerResponse;
  if (grpc) {
    // gRPC knows a method that is missing by its status alone; a request that it must not trust, by HTTP's too.
    const headers = { "content-type": `${grpc}+proto`, "x-request-id": requestId };
    answer.writeHead(status === 404 ? 200 : status, { ...headers, ...grpcStatus(wire) });
    answer.end();
    return;
  }
  answer.writeHead(status, { "content-type": "application/json", "x-request-id": requestId });
  answer.end(errorToJsonBytes(wire, undefined));
}
