/**
 * The peer: server-sent events with nothing around them. `/<stream>?count=…` begins a stream where there is none of that
 * name, and else goes on after `last-event-id`; a stream's tokens are kept in memory.
 */
import { EventEmitter } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerQuestions } from "../harness/programs.ts";
import { emitTokens } from "../load/tokens.ts";

type Stream = EventEmitter & { readonly tokens: string[]; readonly count: number };

const streams = new Map<string, Stream>();

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
  const stream = streams.get(pathname) ?? begin(pathname, Number(searchParams.get("count")));
  response.writeHead(200, { "content-type": "text/event-stream" });
  follow(stream, response, Number(request.headers["last-event-id"] ?? -1) + 1);
});

function begin(name: string, count: number): Stream {
  const stream: Stream = Object.assign(new EventEmitter(), { tokens: [], count });
  streams.set(name, stream);
  void emitTokens(count, (token) => {
    stream.tokens.push(token);
    stream.emit("token");
  });
  return stream;
}

function follow(stream: Stream, response: ServerResponse, from: number): void {
  let next = from;
  const send = (): void => {
    for (; next < stream.tokens.length; next++) response.write(`id: ${next}\ndata: ${stream.tokens[next]}\n\n`);
    if (next === stream.count) response.end();
  };
  stream.on("token", send);
  response.on("close", () => stream.off("token", send));
  send();
}

answerQuestions(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
});
