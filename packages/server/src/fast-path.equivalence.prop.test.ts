import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { AgentSchema } from "@stigmer/contracts/agentic";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AgentsServer, CREATE, startAgents, WATCH } from "./agents-server.fake.ts";
import { call, comparable, frame } from "./grpc-clients.fake.ts";

let servers: readonly AgentsServer[];
let sessions: readonly ClientHttp2Session[];

beforeAll(async () => {
  servers = [await startAgents(), await startAgents({ fastPath: false })];
  sessions = servers.map(({ port }) => connect(`http://127.0.0.1:${port}`));
});
afterAll(async () => {
  for (const session of sessions) session.destroy();
  for (const server of servers) await server[Symbol.asyncDispose]();
});

/** Messages that are good, that are nearly so, and bytes that never were one. */
const message = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string().map((name) => toBinary(AgentSchema, create(AgentSchema, { metadata: { name: name.toWellFormed() } }))),
  fc.string().map((text) => gzipSync(text)),
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.tuple(message, fc.constantFrom(0, 1)).map(([bytes, flags]) => frame(bytes, flags)),
  fc.tuple(message, fc.nat(60)).map(([bytes, length]) => frame(bytes).subarray(0, length)),
  fc.array(message, { maxLength: 3 }).map((list) => Buffer.concat(list.map((bytes) => frame(bytes)))),
);
const encoding = fc.constantFrom<Record<string, string>>(
  {},
  { "grpc-encoding": "gzip" },
  { "grpc-encoding": "identity" },
);

it.each([
  ["a call", CREATE],
  ["a stream", WATCH],
])("answers whatever comes as %s as Connect's library does", async (_, path) => {
  await fc.assert(
    fc.asyncProperty(body, encoding, fc.nat(30), async (bytes, headers, cut) => {
      const [one, other] = await Promise.all(
        sessions.map(async (session) => {
          const send = (stream: ClientHttp2Stream): void => {
            stream.write(bytes.subarray(0, cut));
            stream.end(bytes.subarray(cut));
          };
          return comparable(await call(session, path, { headers, send }));
        }),
      );

      expect(one).toEqual(other);
    }),
    { numRuns: 300 },
  );
});
