import type { ClientHttp2Session } from "node:http2";
import { gunzipSync, gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, compressionAlgorithms, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { type Agent, AgentSchema, GetAgentRequestSchema } from "@stigmer/contracts/agentic";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AgentsServer, CREATE, GET, MAX_MESSAGE_BYTES, startAgents } from "./agents-server.fake.ts";
import { call, comparable, frame, statusOf, withSession } from "./grpc-clients.fake.ts";

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

const get = (id: string): Buffer => frame(toBinary(GetAgentRequestSchema, create(GetAgentRequestSchema, { id })));
const agentOf = (body: string): Agent => fromBinary(AgentSchema, Buffer.from(body, "hex").subarray(5));

/** One call with these bytes as its whole body. */
function raw(path: string, body: Uint8Array, headers: Record<string, string> = {}) {
  return both((port) =>
    withSession(port, async (session) =>
      comparable(await call(session, path, { headers, send: (stream) => stream.end(body) })),
    ),
  );
}

describe("an answer", () => {
  it.each(["", "a", "large-2000", "large-200000"])("to %j is the same bytes with the same headers", async (id) => {
    const answer = await raw(GET, get(id));

    expect(answer).toMatchObject({ status: 200, rstCode: 0, hasId: true, headers: { "grpc-status": "0" } });
  });

  it("to a client that lets in ten bytes at a time is whole", async () => {
    const answer = await both((port) =>
      withSession(port, async (session) => {
        session.settings({ initialWindowSize: 10 });
        return comparable(await call(session, GET, { send: (stream) => stream.end(get("large-2000")) }));
      }),
    );

    expect(agentOf(answer.body).spec?.instructions).toHaveLength(2000);
  });

  it("carries what the request's headers said", async () => {
    const answer = await raw(GET, get("a"), { "idempotency-key": "k", "field-manager": "me", "trace-bin": "AAEC" });

    expect(agentOf(answer.body).metadata).toMatchObject({ id: "a", name: "k", displayName: "me" });
  });

  it("goes to a request whose content type names no codec", async () => {
    expect((await raw(GET, get("a"), { "content-type": "application/grpc" })).headers["grpc-status"]).toBe("0");
  });

  it("to each of many streams of one connection is its own", async () => {
    const ids = await both((port) =>
      withSession(port, async (session) =>
        Promise.all(
          Array.from({ length: 200 }, async (_, at) => {
            const { body } = await call(session, GET, { send: (stream) => stream.end(get(`agent-${at}`)) });
            return agentOf(body.toString("hex")).metadata?.id;
          }),
        ),
      ),
    );

    expect(ids).toEqual(Array.from({ length: 200 }, (_, at) => `agent-${at}`));
  });
});

describe("a fault", () => {
  it.each([
    ["missing", "5", "RESOURCE_NOT_FOUND"],
    ["moved", "10", "VERSION_MOVED"],
    ["wrong", "3", "INVALID_REQUEST"],
    ["broken", "13", "INTERNAL"],
  ])("of kind %s has the same code, message and details", async (id, code, reason) => {
    const answer = await raw(GET, get(id));

    expect(answer.headers["grpc-status"]).toBe(code);
    expect(answer).toMatchObject({ status: 200, body: "", hasId: true });
    expect(answer.details?.reasons).toMatchObject([{ reason, domain: "stigmer.ai" }]);
    expect(answer.details?.message).not.toContain("hunter2");
  });
});

describe("a request", () => {
  const head = (length: number): Buffer => {
    const bytes = Buffer.alloc(5);
    bytes.writeUInt32BE(length, 1);
    return bytes;
  };
  const big = frame(
    toBinary(AgentSchema, create(AgentSchema, { spec: { instructions: "x".repeat(MAX_MESSAGE_BYTES) } })),
  );

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["half a head", Buffer.alloc(3)],
    ["a head without its message", head(10)],
    ["half a message", get("agent").subarray(0, 8)],
    ["two messages", Buffer.concat([get("a"), get("b")])],
    ["bytes after its message", Buffer.concat([get("a"), Buffer.from("x")])],
    ["a message that says it is packed and does not say how", frame(gzipSync("x"), 1)],
    ["an empty one that says so", frame(new Uint8Array(), 1)],
    ["a length that goes beyond its end", frame(Buffer.from([0x0a, 0x7f, 0x00]))],
    ["a wire type that there is none of", frame(Buffer.from([0x0f]))],
    ["text that is not UTF-8", frame(Buffer.from([0x0a, 0x01, 0xff]))],
  ])("of %s is malformed", async (_, body) => {
    const answer = await raw(GET, body);

    expect(answer).toMatchObject({ status: 200, hasId: true, headers: { "grpc-status": "3" } });
    expect(answer.details?.reasons).toMatchObject([{ reason: "MALFORMED_REQUEST", domain: "stigmer.ai" }]);
  });

  it.each([
    ["a message that is too large", big, {}],
    ["a head that announces one", head(0xffff_ffff), {}],
    ["a small one that is large unpacked", frame(gzipSync(Buffer.alloc(10_000_000)), 1), { "grpc-encoding": "gzip" }],
  ])("of %s is refused", async (_, body, headers) => {
    const answer = await raw(CREATE, body, headers);

    expect(answer.headers["grpc-status"]).toBe("8");
    expect(answer.details?.reasons).toMatchObject([{ reason: "MESSAGE_TOO_LARGE" }]);
  });

  it("that asks for more than the backend sends is refused", async () => {
    const answer = await raw(GET, get(`large-${4 * MAX_MESSAGE_BYTES}`));

    expect(answer.headers["grpc-status"]).toBe("8");
    expect(answer.details?.reasons).toMatchObject([{ reason: "LIMIT_REACHED", metadata: { limit: "answer_bytes" } }]);
  });

  it("that is packed, is unpacked", async () => {
    const body = frame(gzipSync(get("a").subarray(5)), 1);

    const answer = await raw(GET, body, { "grpc-encoding": "gzip", "grpc-accept-encoding": "identity" });

    expect(agentOf(answer.body).metadata?.id).toBe("a");
  });

  it("that is packed has an answer that is packed", async () => {
    const body = frame(gzipSync(get("large-5000").subarray(5)), 1);

    const answer = await raw(GET, body, { "grpc-encoding": "gzip" });

    const packed = Buffer.from(answer.body, "hex");
    expect([packed[0], answer.headers["grpc-encoding"]]).toEqual([1, "gzip"]);
    expect(fromBinary(AgentSchema, gunzipSync(packed.subarray(5))).spec?.instructions).toHaveLength(5000);
  });

  it.each([
    ["nothing", frame(new Uint8Array(), 1)],
    ["what is not packed", frame(get("a").subarray(5), 0)],
  ])("that may be packed and holds %s is taken", async (_, body) => {
    expect((await raw(GET, body, { "grpc-encoding": "gzip" })).headers["grpc-status"]).toBe("0");
  });

  it("that is packed badly is malformed", async () => {
    const answer = await raw(GET, frame(Buffer.from("no gzip"), 1), { "grpc-encoding": "gzip" });

    expect(answer.details?.reasons).toMatchObject([{ reason: "MALFORMED_REQUEST" }]);
  });

  it("that is packed in another way is refused, and told which would do", async () => {
    const answer = await raw(GET, get("a"), { "grpc-encoding": "br" });

    expect(answer.headers).toMatchObject({ "grpc-status": "12", "grpc-accept-encoding": "gzip" });
    expect(answer.details?.reasons).toMatchObject([{ reason: "FEATURE_NOT_CLAIMED" }]);
  });

  it.each(["1", "1x", "-1S", "123456789S", ""])("with %j as its timeout is malformed", async (timeout) => {
    const answer = await raw(GET, get("a"), { "grpc-timeout": timeout });

    expect(answer.details?.reasons).toMatchObject([{ reason: "MALFORMED_REQUEST" }]);
  });

  it.each([["k".repeat(129)], [""]])("with %j as its idempotency key is refused", async (key) => {
    const answer = await raw(GET, get("a"), { "idempotency-key": key });

    expect(answer.details?.reasons).toMatchObject([{ reason: "INVALID_REQUEST" }]);
  });

  it.each([
    ["/no.such.Service/get", {}, "12", "METHOD_UNKNOWN"],
    [GET.replace("get", "nope"), {}, "12", "METHOD_UNKNOWN"],
    [GET, { "content-type": "application/grpc+thrift" }, "3", "MALFORMED_REQUEST"],
    [GET, { ":method": "PUT" }, "3", "MALFORMED_REQUEST"],
    [GET, { origin: "http://stigmer.example" }, "7", "ORIGIN_REFUSED"],
    [GET, { ":authority": "stigmer.example" }, "7", "ORIGIN_REFUSED"],
  ])("to %s with %j is refused", async (path, headers, code, reason) => {
    const answer = await raw(path, get("a"), headers);

    expect(answer).toMatchObject({ hasId: true, headers: { "grpc-status": code } });
    expect(answer.details?.reasons).toMatchObject([{ reason }]);
  });

  it("whose bytes come one by one is answered when it ends", async () => {
    const answer = await both((port) =>
      withSession(port, async (session) => {
        const send = async (stream: Parameters<Parameters<typeof call>[2]["send"]>[0]) => {
          for (const byte of get("agent")) await new Promise((resolve) => stream.write(Buffer.from([byte]), resolve));
          stream.end();
        };
        return comparable(await call(session, GET, { send: (stream) => void send(stream) }));
      }),
    );

    expect(agentOf(answer.body).metadata?.id).toBe("agent");
  });

  it("that is refused before it ends does not keep its stream", async () => {
    const answer = await both((port) =>
      withSession(port, async (session) =>
        comparable(await call(session, CREATE, { send: (stream) => void stream.write(head(0xffff_ffff)) })),
      ),
    );

    expect(answer.details?.reasons).toMatchObject([{ reason: "MESSAGE_TOO_LARGE" }]);
  });
});

describe("a deadline", () => {
  it.each(["30m", "30000u", "0m", "1n"])("of %s ends a call that hangs, and its work is told", async (timeout) => {
    const answer = await both((port, server) =>
      withSession(port, async (session) => {
        const aborted = server.next("aborted");
        const headers = { "grpc-timeout": timeout };
        const answer = comparable(await call(session, GET, { headers, send: (stream) => stream.end(get("hang")) }));
        if (timeout.startsWith("30")) await aborted;
        return answer;
      }),
    );

    expect(answer.headers["grpc-status"]).toBe("4");
    expect(answer.details?.reasons).toMatchObject([{ reason: "DEADLINE_EXCEEDED" }]);
  });

  it.each(["99999999H", "10S"])("of %s leaves time for an answer", async (timeout) => {
    expect((await raw(GET, get("a"), { "grpc-timeout": timeout })).headers["grpc-status"]).toBe("0");
  });
});

describe("a call that ends early", () => {
  it("is told to its work where its client resets it", async () => {
    await both((port, server) => cancelled(port, server, (session) => session.destroy()));
    const reason = await both((port, server) => cancelled(port, server, (_, stream) => stream.close(8)));

    expect(reason).toMatchObject({ reason: "CANCELLED" });
  });

  it("is told to its work where the backend stops", async () => {
    const reasons = [];
    for (const fastPath of [true, false]) {
      await using server = await startAgents({ fastPath });
      await withSession(server.port, async (session) => {
        const [begun, aborted] = [server.next("begun"), server.next("aborted")];
        void call(session, GET, { send: (stream) => stream.end(get("hang")) });
        await begun;
        server.stop();
        await aborted;
      });
      reasons.push(server.aborts[0]);
    }

    for (const reason of reasons) expect(reason).toMatchObject({ message: expect.stringContaining("stopping") });
  });

  async function cancelled(
    port: number,
    server: AgentsServer,
    end: (session: ClientHttp2Session, stream: { close(code: number): void }) => void,
  ): Promise<unknown> {
    return await withSession(port, async (session) => {
      const [begun, aborted] = [server.next("begun"), server.next("aborted")];
      void call(session, GET, {
        send: (stream) => {
          stream.end(get("hang"));
          void begun.then(() => end(session, stream));
        },
      });
      await aborted;
      return server.aborts.at(-1);
    });
  }
});

describe("the client of grpc-js", () => {
  const request = (port: number, id: string, options: { deadline?: number; algorithm?: compressionAlgorithms } = {}) =>
    new Promise<{
      id?: string | undefined;
      length?: number | undefined;
      code?: number;
      message?: string;
      status?: unknown;
    }>((resolve) => {
      const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
        "grpc.default_compression_algorithm": options.algorithm ?? compressionAlgorithms.identity,
      });
      const metadata = new Metadata();
      metadata.set("field-manager", "me");
      const until = options.deadline ? { deadline: Date.now() + options.deadline } : {};
      const read = (bytes: Buffer) => fromBinary(AgentSchema, bytes);
      client.makeUnaryRequest(
        GET,
        (message: string) => get(message).subarray(5),
        read,
        id,
        metadata,
        until,
        (error: ServiceError | null, answer?: Agent) => {
          client.close();
          if (!error) return resolve({ id: answer?.metadata?.id, length: answer?.spec?.instructions.length });
          const [details] = error.metadata.get("grpc-status-details-bin");
          const status = details && statusOf((details as Buffer).toString("base64"));
          resolve({ code: error.code, message: error.details.replace(/[0-9a-f-]{36}/, "<id>"), status });
        },
      );
    });

  it.each(["a", "", "large-200000", "missing", "wrong", "broken"])("sees the same of %j", async (id) => {
    await both((port) => request(port, id));
  });

  it("may pack what it sends", async () => {
    const answer = await both((port) => request(port, "large-5000", { algorithm: compressionAlgorithms.gzip }));

    expect(answer.length).toBe(5000);
  });

  it("is refused with a packing that is unknown here", async () => {
    const answer = await both((port) => request(port, "large-5000", { algorithm: compressionAlgorithms.deflate }));

    expect(answer.code).toBe(12);
  });

  it("sees its deadline pass", async () => {
    const code = await both(async (port) => (await request(port, "hang", { deadline: 40 })).code);

    expect(code).toBe(4);
  });
});
