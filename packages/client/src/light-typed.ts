import type { Transport } from "@connectrpc/connect";
import { type Client, clientOver } from "./client.ts";
import type { HttpLine } from "./http-line.ts";
import { httpTransport } from "./http-transport.ts";
import { brokenLine, idempotency, retry } from "./interceptors.ts";
import { MAX_ANSWER_BYTES, MAX_REQUEST_BYTES } from "./limits.ts";

export type TypedOptions = { readonly url: string; readonly attempts: number; readonly firstDelayMs: number };

/** The typed client over a line: unary calls go by it, streams over gRPC, which is loaded at the first one. */
export function typedOver(line: HttpLine, options: TypedOptions): Client {
  const unary = httpTransport(line, {
    url: options.url,
    interceptors: [idempotency, retry(options), brokenLine],
    maxRequestBytes: MAX_REQUEST_BYTES,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });
  let closed = false;
  let streams: Promise<{ readonly transport: Transport; readonly close: () => void }> | undefined;
  const openStreams = async () => {
    const { grpcTransport } = await import("./node.ts");
    const opened = grpcTransport(options);
    if (closed) opened.close();
    return opened;
  };
  const transport: Transport = {
    unary: unary.unary,
    async stream(...call) {
      streams ??= openStreams();
      return await (await streams).transport.stream(...call);
    },
  };
  return clientOver(transport, {
    url: options.url,
    close() {
      closed = true;
      void streams?.then(({ close }) => close());
      line.close();
    },
  });
}
