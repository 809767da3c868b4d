import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { AgentEventSchema, GetAgentRequestSchema, WatchAgentsRequestSchema } from "@stigmer/contracts/agentic";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AgentsServer, MAX_MESSAGE_BYTES, startAgents, WATCH } from "./agents-server.fake.ts";
import { call, comparable, frame, GRPC, statusOf, withSession } from "./grpc-clients.fake.ts";

/** Every case runs on the fast path and on Connect's library, which must answer alike. */

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

/** What both answer; fails where they differ. */
async function both<T>(run: (port: number, server: AgentsServer) => Promise<T>): Promise<T> {
  const [one, other] = [await run(fast.port, fast), await run(library.port, library)];
  expect(one).toEqual(other);
  return one;
}

const watch = (org: string): Buffer =>
  frame(toBinary(WatchAgentsRequestSchema, create(WatchAgentsRequestSchema, { org })));

/** One call with these bytes as its whole body. */
function raw(body: Uint8Array, headers: Record<string, string> = {}) {
  return both((port) =>
    withSession(port, async (session) =>
      comparable(await call(session, WATCH, { headers, send: (stream) => stream.end(body) })),
    ),
  );
}

/** The messages in a body of frames. */
function eventsIn(body: string) {
  const events = [];
  let rest = Buffer.from(body, "hex");
  while (rest.length > 0) {
    const end = 5 + rest.readUInt32BE(1);
    events.push(fromBinary(AgentEventSchema, rest.subarray(5, end)));
    rest = rest.subarray(end);
  }
  return events;
}

describe("a stream", () => {
  it.each([
    ["", 0],
    ["1x10", 1],
    ["3x10", 3],
    ["1000x1000", 1000],
    ["1000by1000", 1000],
    ["2x200000", 2],
    ["1x10 5by30000 1x10 3by10", 10],
  ])("of %j is the same bytes with the same headers", async (org, count) => {
    const answer = await raw(watch(org));

    expect(answer).toMatchObject({ status: 200, rstCode: 0, hasId: true, headers: { "grpc-status": "0" } });
    expect(eventsIn(answer.body)).toHaveLength(count);
  });

  it("to a client that lets in ten bytes at a time is whole", async () => {
    const answer = await both((port) =>
      withSession(port, async (session) => {
        session.settings({ initialWindowSize: 10 });
        return comparable(await call(session, WATCH, { send: (stream) => stream.end(watch("2x500 3by100")) }));
      }),
    );

    expect(eventsIn(answer.body)).toHaveLength(5);
  });

  it("to a request whose content type names no codec is the same", async () => {
    const answer = await raw(watch("3x10"), { "content-type": "application/grpc" });

    expect(answer.headers["grpc-status"]).toBe("0");
  });

  it("to each of many streams of one connection is its own", async () => {
    const tokens = await both((port) =>
      withSession(port, async (session) =>
        Promise.all(
          Array.from({ length: 100 }, async (_, at) => {
            const { body } = await call(session, WATCH, { send: (stream) => stream.end(watch(`2x${at} 2by${at}`)) });
            return eventsIn(body.toString("hex")).map(({ resumeToken }) => resumeToken);
          }),
        ),
      ),
    );

    expect(tokens[7]).toEqual(["2x7 0", "2x7 1", "2by7 0", "2by7 1"]);
  });
});

describe("a fault", () => {
  it.each([
    ["missing", "5", "RESOURCE_NOT_FOUND"],
    ["moved", "10", "VERSION_MOVED"],
    ["wrong", "3", "INVALID_REQUEST"],
    ["broken", "13", "INTERNAL"],
  ])(
    "of kind %s has the same code, message and details, before the first message and behind some",
    async (id, code, reason) => {
      const answers = [await raw(watch(id)), await raw(watch(`2x10 ${id}`)), await raw(watch(`50by10000 ${id}`))];

      expect(answers.map(({ body }) => eventsIn(body).length)).toEqual([0, 2, 50]);
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 200, hasId: true, headers: { "grpc-status": code } });
        expect(answer.details?.reasons).toMatchObject([{ reason, domain: "stigmer.ai" }]);
        expect(answer.details?.message).not.toContain("hunter2");
      }
    },
  );

  it("tells of a message that is larger than the backend sends, behind those that are not", async () => {
    const answer = await raw(watch(`2x10 1x${4 * MAX_MESSAGE_BYTES}`));

    expect(eventsIn(answer.body)).toHaveLength(2);
    expect(answer.details?.reasons).toMatchObject([{ reason: "LIMIT_REACHED", metadata: { limit: "answer_bytes" } }]);
  });
});

describe("a request", () => {
  const head = (length: number): Buffer => {
    const bytes = Buffer.alloc(5);
    bytes.writeUInt32BE(length, 1);
    return bytes;
  };

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["half a head", Buffer.alloc(3)],
    ["a head without its message", head(10)],
    ["half a message", watch("1x10").subarray(0, 8)],
    ["two messages", Buffer.concat([watch("1x10"), watch("1x10")])],
    ["bytes after its message", Buffer.concat([watch("1x10"), Buffer.from("x")])],
    ["a message that says it is packed and does not say how", frame(gzipSync("x"), 1)],
    ["a wire type that there is none of", frame(Buffer.from([0x0f]))],
    ["text that is not UTF-8", frame(Buffer.from([0x0a, 0x01, 0xff]))],
  ])("of %s is malformed", async (_, body) => {
    const answer = await raw(body);

    expect(answer).toMatchObject({ status: 200, body: "", hasId: true, headers: { "grpc-status": "3" } });
    expect(answer.details?.reasons).toMatchObject([{ reason: "MALFORMED_REQUEST", domain: "stigmer.ai" }]);
  });

  it.each([
    [head(0xffff_ffff), {}, "8", "MESSAGE_TOO_LARGE"],
    [watch("1x10"), { "grpc-encoding": "br" }, "12", "FEATURE_NOT_CLAIMED"],
    [watch("1x10"), { "grpc-timeout": "1x" }, "3", "MALFORMED_REQUEST"],
    [watch("1x10"), { "idempotency-key": "" }, "3", "INVALID_REQUEST"],
    [watch("1x10"), { origin: "http://stigmer.example" }, "7", "ORIGIN_REFUSED"],
  ])("of %j with %j is refused", async (body, headers, code, reason) => {
    const answer = await raw(body, headers as Record<string, string>);

    expect(answer).toMatchObject({ hasId: true, headers: { "grpc-status": code } });
    expect(answer.details?.reasons).toMatchObject([{ reason }]);
  });

  it("that is packed is taken", async () => {
    const body = frame(gzipSync(watch("1x10").subarray(5)), 1);

    expect((await raw(body, { "grpc-encoding": "gzip" })).headers["grpc-status"]).toBe("0");
  });

  it("that is refused before it ends does not keep its stream", async () => {
    const answer = await both((port) =>
      withSession(port, async (session) =>
        comparable(await call(session, WATCH, { send: (stream) => void stream.write(head(0xffff_ffff)) })),
      ),
    );

    expect(answer.details?.reasons).toMatchObject([{ reason: "MESSAGE_TOO_LARGE" }]);
  });
});

describe("a deadline", () => {
  it.each([
    ["hang", "30m", 0],
    ["2x10 hang", "100m", 2],
    ["3by10 hang", "100000u", 3],
    ["hang", "0m", 0],
  ])("ends a stream of %j in %s, and its work is told", async (org, timeout, count) => {
    const answer = await both((port, server) =>
      withSession(port, async (session) => {
        const aborted = server.next("aborted");
        const headers = { "grpc-timeout": timeout };
        const answer = comparable(await call(session, WATCH, { headers, send: (stream) => stream.end(watch(org)) }));
        if (timeout !== "0m") await aborted;
        return answer;
      }),
    );

    expect(answer.headers["grpc-status"]).toBe("4");
    expect(eventsIn(answer.body)).toHaveLength(count);
    expect(answer.details?.reasons).toMatchObject([{ reason: "DEADLINE_EXCEEDED" }]);
  });

  it.each(["99999999H", "10S"])("of %s leaves time for an answer", async (timeout) => {
    expect((await raw(watch("1x10"), { "grpc-timeout": timeout })).headers["grpc-status"]).toBe("0");
  });
});

describe("a stream that ends early", () => {
  it.each(["hang", "2x10 hang", "50by10000 hang"])("of %j is told to its work where its client goes", async (org) => {
    await both((port, server) => cancelled(port, { server, org, end: (session) => session.destroy() }));
    const end = (_: ClientHttp2Session, stream: ClientHttp2Stream): void => stream.close(constants.NGHTTP2_CANCEL);
    const reason = await both((port, server) => cancelled(port, { server, org, end }));

    expect(reason).toMatchObject({ reason: "CANCELLED" });
  });

  it.each([
    ["hang", 0],
    ["2x10 hang", 2],
  ])("of %j says so where the backend stops", async (org, count) => {
    const answers = [];
    for (const fastPath of [true, false]) {
      await using server = await startAgents({ fastPath });
      const answer = await withSession(server.port, async (session) => {
        const begun = server.next("begun");
        const answered = call(session, WATCH, { send: (stream) => stream.end(watch(org)) });
        await begun;
        server.stop();
        return comparable(await answered);
      });
      answers.push(answer);
    }

    const [one, other] = answers;
    expect(one).toEqual(other);
    expect(eventsIn(one?.body ?? "")).toHaveLength(count);
    expect(one?.details?.reasons).toMatchObject([{ reason: "SHUTTING_DOWN" }]);
  });

  type Ending = {
    readonly server: AgentsServer;
    readonly org: string;
    readonly end: (session: ClientHttp2Session, stream: ClientHttp2Stream) => void;
  };

  async function cancelled(port: number, { server, org, end }: Ending): Promise<unknown> {
    return await withSession(port, async (session) => {
      const [begun, aborted] = [server.next("begun"), server.next("aborted")];
      void call(session, WATCH, {
        send: (stream) => {
          stream.end(watch(org));
          void begun.then(() => end(session, stream));
        },
      });
      await aborted;
      return server.aborts.at(-1);
    });
  }
});

describe("a reader that does not read", () => {
  it.each([true, false])("has little made for it (fast path: %s)", async (fastPath) => {
    await using server = await startAgents({ fastPath });
    const session = connect(`http://127.0.0.1:${server.port}`, { settings: { initialWindowSize: 1000 } });
    const stream = session.request({ ":method": "POST", ":path": WATCH, ...GRPC });
    stream.on("error", () => {}); // it ends with its session
    stream.end(watch("endless"));
    stream.pause();
    await once(stream, "response");
    for (let made = -1; made !== server.produced(); ) {
      made = server.produced();
      await new Promise<void>((resolve) => void session.ping(() => resolve()));
    }

    expect(server.produced()).toBeLessThan(30);
    session.destroy();
  });

  it("gets all of it when it reads after all", async () => {
    const count = await both((port) =>
      withSession(port, async (session) => {
        const answer = await call(session, WATCH, {
          send(stream) {
            stream.end(watch("100x10000 20by10000"));
            stream.pause();
            session.ping(() => stream.resume());
          },
        });
        return eventsIn(answer.body.toString("hex")).length;
      }),
    );

    expect(count).toBe(120);
  });
});

describe("the client of grpc-js", () => {
  const watched = (port: number, org: string, options: { readonly deadline?: number } = {}) =>
    new Promise<unknown>((resolve) => {
      const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
      const until = options.deadline ? { deadline: Date.now() + options.deadline } : {};
      const tokens: string[] = [];
      const stream = client.makeServerStreamRequest(
        WATCH,
        (id: string) => Buffer.from(toBinary(GetAgentRequestSchema, create(GetAgentRequestSchema, { id }))),
        (bytes: Buffer) => fromBinary(AgentEventSchema, bytes),
        org,
        new Metadata(),
        until,
      );
      let hasId = false;
      stream.on("metadata", (headers: Metadata) => {
        hasId = headers.get("x-request-id").length === 1;
      });
      stream.on("data", ({ resumeToken }) => tokens.push(resumeToken));
      stream.on("error", () => {}); // the status tells
      stream.on("status", ({ code, metadata }) => {
        client.close();
        const [details] = metadata.get("grpc-status-details-bin");
        const status = details && statusOf((details as Buffer).toString("base64"));
        resolve({ code, hasId, tokens, status });
      });
    });

  it.each(["", "3x10", "2x200000", "missing", "3by1000 wrong", "broken"])("sees the same of %j", async (org) => {
    expect(await both((port) => watched(port, org))).toMatchObject({ hasId: true });
  });

  it("sees its deadline pass", async () => {
    expect(await both((port) => watched(port, "2x10 hang", { deadline: 100 }))).toMatchObject({ code: 4 });
  });
});
