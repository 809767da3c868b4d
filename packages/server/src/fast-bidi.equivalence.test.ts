import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ServerReflectionRequestSchema, ServerReflectionResponseSchema } from "@stigmer/contracts/grpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AgentsServer, ECHO, MAX_MESSAGE_BYTES, startAgents } from "./agents-server.fake.ts";
import { call, comparable, frame, withSession } from "./grpc-clients.fake.ts";

/**
 * Every case runs on the fast path and on Connect's library, which must answer alike; but that the library does not end a
 * conversation at its deadline before somebody says something.
 */

let fast: AgentsServer;
let library: AgentsServer;

beforeAll(async () => {
  fast = await startAgents();
  library = await startAgents({ fastPath: false });
});
afterAll(async () => {
  await fast[Symbol.asyncDispose]();
  await library[Symbol.asyncDispose]();
});

/** What both answer to what `send` says; fails where they differ. */
async function both(send: (stream: ClientHttp2Stream, server: AgentsServer) => void, headers = {}) {
  const answer = (server: AgentsServer) =>
    withSession(server.port, async (session) =>
      comparable(await call(session, ECHO, { headers, send: (stream) => send(stream, server) })),
    );
  const [one, other] = [await answer(fast), await answer(library)];
  expect(one).toEqual(other);
  return one;
}

const say = (host: string): Buffer =>
  frame(toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, { host })));

function hostsIn(body: string): string[] {
  const hosts: string[] = [];
  for (let rest = Buffer.from(body, "hex"); rest.length > 0; ) {
    const end = 5 + rest.readUInt32BE(1);
    hosts.push(fromBinary(ServerReflectionResponseSchema, rest.subarray(5, end)).validHost);
    rest = rest.subarray(end);
  }
  return hosts;
}

describe("a conversation", () => {
  it.each([
    ["of nothing", []],
    ["of one message", ["a"]],
    ["of an empty message", [""]],
    ["of many", Array.from({ length: 1_000 }, (_, at) => `m${at}`)],
    ["of large messages", Array.from({ length: 20 }, (_, at) => `${at}`.padEnd(60_000, "x"))],
  ])("%s is the same bytes with the same headers", async (_, hosts) => {
    const answer = await both((stream) => stream.end(Buffer.concat(hosts.map(say))));

    expect(answer).toMatchObject({ status: 200, rstCode: 0, hasId: true, headers: { "grpc-status": "0" } });
    expect(hostsIn(answer.body)).toEqual(hosts);
  });

  it("that comes byte by byte is heard", async () => {
    const answer = await both(async (stream) => {
      for (const byte of Buffer.concat([say("a"), say("bb")])) {
        stream.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      stream.end();
    });

    expect(hostsIn(answer.body)).toEqual(["a", "bb"]);
  });

  it("is answered before the client has said everything", async () => {
    const answer = await both(async (stream) => {
      for (const host of ["a", "b", "c"]) {
        stream.write(say(host));
        await once(stream, "data");
      }
      stream.end();
    });

    expect(hostsIn(answer.body)).toEqual(["a", "b", "c"]);
  });

  it("that the backend ends is over, though the client goes on", async () => {
    const answer = await both((stream) => stream.write(Buffer.concat(["a", "enough", "b"].map(say))));

    expect(answer.headers["grpc-status"]).toBe("0");
    expect(hostsIn(answer.body)).toEqual(["a"]);
  });
});

describe("a fault", () => {
  it.each([
    ["missing", "5", "RESOURCE_NOT_FOUND"],
    ["broken", "13", "INTERNAL"],
  ])("of kind %s comes behind what was answered, with its code and details", async (host, code, reason) => {
    const answer = await both((stream) => stream.end(Buffer.concat(["a", host, "b"].map(say))));

    expect(hostsIn(answer.body)).toEqual(["a"]);
    expect(answer).toMatchObject({ status: 200, headers: { "grpc-status": code }, details: { reasons: [{ reason }] } });
    expect(answer.details?.message).not.toContain("hunter2");
  });

  it.each([
    ["bytes that are no message", frame(Buffer.from([0xff, 0xff])), "MALFORMED_REQUEST"],
    ["a message that is cut off", say("b").subarray(0, 6), "MALFORMED_REQUEST"],
    ["half a head", Buffer.from([0, 0]), "MALFORMED_REQUEST"],
    ["a message that says it is packed", frame(Buffer.from([1, 2, 3]), 1), "MALFORMED_REQUEST"],
  ])("of %s is told, behind what was answered", async (_, bytes, reason) => {
    const answer = await both((stream) => stream.end(Buffer.concat([say("a"), bytes])));

    expect(answer).toMatchObject({ status: 200, details: { reasons: [{ reason }] } });
    expect(hostsIn(answer.body)).toEqual(["a"]);
  });

  it("of a message that is too large is told", async () => {
    const answer = await both((stream) => stream.end(say("x".repeat(MAX_MESSAGE_BYTES))));

    expect(answer).toMatchObject({ status: 200, body: "", details: { reasons: [{ reason: "MESSAGE_TOO_LARGE" }] } });
  });

  it.each([
    ["an unknown packing", { "grpc-encoding": "br" }, "FEATURE_NOT_CLAIMED"],
    ["a timeout that is none", { "grpc-timeout": "soon" }, "MALFORMED_REQUEST"],
  ])("of %s is told before anything is heard", async (_, headers, reason) => {
    const answer = await both((stream) => stream.end(say("a")), headers);

    expect(answer).toMatchObject({ body: "", details: { reasons: [{ reason }] } });
  });
});

describe("a client that goes", () => {
  it.each(["fast", "library"])("ends what it asked for (%s)", async (which) => {
    const server = which === "fast" ? fast : library;
    await withSession(server.port, async (session) => {
      const begun = server.next("begun");
      const aborted = server.next("aborted");
      const gone = call(session, ECHO, {
        send: (stream) => {
          stream.write(say("hang"));
          void begun.then(() => stream.close());
        },
      });

      await gone;
      await aborted;

      expect(server.aborts.at(-1)).toMatchObject({ reason: "CANCELLED" });
    });
  });
});

it("ends at its deadline, behind what was answered, though nobody says anything more", async () => {
  const answer = await withSession(fast.port, async (session) =>
    comparable(
      await call(session, ECHO, { headers: { "grpc-timeout": "200m" }, send: (stream) => stream.write(say("a")) }),
    ),
  );

  expect(answer).toMatchObject({
    headers: { "grpc-status": "4" },
    details: { reasons: [{ reason: "DEADLINE_EXCEEDED" }] },
  });
  expect(hostsIn(answer.body)).toEqual(["a"]);
});

it("takes no more from a client than it has heard", async () => {
  await withSession(fast.port, async (session) => {
    const begun = fast.next("begun");
    const stream = session.request({
      ":method": "POST",
      ":path": ECHO,
      "content-type": "application/grpc+proto",
      te: "trailers",
    });
    stream.on("error", () => {});
    stream.write(say("hang"));
    await begun;

    for (let count = 0; count < 100; count++) stream.write(say("x".repeat(60_000)));
    await new Promise((resolve) => setTimeout(resolve, 300));

    expect(stream.writableLength).toBeGreaterThan(4_000_000);
    stream.close();
  });
});
