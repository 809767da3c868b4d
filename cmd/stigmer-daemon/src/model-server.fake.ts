import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A call that a provider has got and not yet answered. */
export interface ModelCall {
  readonly body: { readonly messages: readonly { readonly role: string; readonly content: unknown }[] };
  /** Streams text. */
  say(text: string): void;
  /** Ends the answer. */
  finish(): void;
  /** Answers with a status instead. */
  fail(status: number): void;
  /** Cuts the connection. */
  drop(): void;
  /** Resolves when the caller has gone. */
  readonly gone: Promise<void>;
}

/** A provider that answers word by word as a test says. */
export interface ModelServer extends AsyncDisposable {
  /** What `config.yaml` says to use it as provider `held`. */
  readonly config: string;
  /** Calls so far. */
  readonly count: number;
  next(): Promise<ModelCall>;
}

export async function startModelServer(): Promise<ModelServer> {
  const arrived: ModelCall[] = [];
  let wake = (): void => {};
  let count = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      count++;
      arrived.push(callOf(JSON.parse(Buffer.concat(chunks).toString()), response));
      wake();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return {
    config: `providers: { held: { baseUrl: "${baseUrl}" } }\n`,
    get count() {
      return count;
    },
    async next() {
      for (;;) {
        const call = arrived.shift();
        if (call) return call;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function callOf(body: ModelCall["body"], response: ServerResponse): ModelCall {
  const send = (choice: object): void => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(
      `data: ${JSON.stringify({ choices: [{ index: 0, finish_reason: null, delta: {}, ...choice }] })}\n\n`,
    );
  };
  return {
    body,
    say: (text) => send({ delta: { content: text } }),
    finish() {
      send({ finish_reason: "stop" });
      response.end("data: [DONE]\n\n");
    },
    fail: (status) => void response.writeHead(status).end(),
    drop: () => response.destroy(),
    gone: new Promise((resolve) => response.once("close", resolve)),
  };
}
