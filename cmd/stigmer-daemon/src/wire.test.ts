import { once } from "node:events";
import { connect as http2 } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AgentCommandController,
  AgentQueryController,
  AgentSchema,
  RunnerController,
  RunnerMessageSchema,
} from "@stigmer/contracts/agentic";
import { ServerQueryController } from "@stigmer/contracts/platform";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grpcFrame, openSocket, post, post2, type RawAnswer } from "./raw-http.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent } from "./resources.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const CREATE = `/${AgentCommandController.typeName}/create`;
const GET_INFO = `/${ServerQueryController.typeName}/getInfo`;
const GRPC = { "content-type": "application/grpc+proto", te: "trailers" };
const PROTO = { "content-type": "application/proto" };
const MIB = 1024 * 1024;
/** Codes as gRPC numbers them. */
const CODE = { invalidArgument: "3", resourceExhausted: "8", unimplemented: "12" };

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startTestDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

describe("a malformed request", () => {
  it.each([
    ["a length that goes beyond its end", new Uint8Array([0x0a, 0x7f, 0x00])],
    ["a wire type that there is none of", new Uint8Array([0x0f])],
    ["text that is not UTF-8", new Uint8Array([0x0a, 0x01, 0xff])],
    ["a number that never ends", new Uint8Array(20).fill(0xff)],
  ])("with %s is refused over gRPC and over Connect", async (_, bytes) => {
    const grpc = await post2(daemon.port, CREATE, { headers: GRPC, body: grpcFrame(bytes) });
    const connect = await post(daemon.port, CREATE, { headers: PROTO, body: bytes });

    expect(grpc).toMatchObject({ status: 200, headers: { "grpc-status": CODE.invalidArgument } });
    expect(json(connect).code).toBe("invalid_argument");
  });

  it.each([
    ["no JSON", "{nope"],
    ["nothing", ""],
    ["a list", "[]"],
    ["a field of another type", '{"metadata":"text"}'],
    ["a field that there is none of", '{"metadata":{"name":"a"},"spec":{"instructions":"x"},"extra":1}'],
    ["a field twice", '{"metadata":{"name":"a","display_name":"x","displayName":"y"},"spec":{"instructions":"x"}}'],
    ["half a character", '{"metadata":{"name":"a","displayName":"\\ud800"},"spec":{"instructions":"x"}}'],
    ["lists in lists without end", `${"[".repeat(100_000)}`],
    ["objects in objects without end", `${'{"metadata":'.repeat(50_000)}1${"}".repeat(50_000)}`],
  ])("that is %s is refused as JSON", async (_, body) => {
    const answer = await post(daemon.port, CREATE, { body });

    expect(answer.status).toBe(400);
    expect(json(answer).code).toBe("invalid_argument");
  });

  it("of an unknown method, service or content is refused", async () => {
    const [method, service, content] = await Promise.all([
      post(daemon.port, `/${AgentCommandController.typeName}/no`, {}),
      post(daemon.port, "/no.such.Service/get", {}),
      post(daemon.port, CREATE, { headers: { "content-type": "text/html" } }),
    ]);

    expect([method.status, service.status, content.status]).toEqual([404, 404, 415]);
    const grpc = await post2(daemon.port, "/no.such.Service/get", { headers: GRPC, body: grpcFrame(new Uint8Array()) });
    expect(grpc.status === 404 || grpc.headers["grpc-status"] === CODE.unimplemented).toBe(true);
  });

  it("leaves the backend as it was, and no error in its log", async () => {
    const agent = await createAgent(daemon.client, { name: "after-rubbish" });

    expect(agent.metadata?.name).toBe("after-rubbish");
    expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  });
});

describe("a message that is too large", () => {
  const tooLarge = { metadata: { name: "large" }, spec: { instructions: "x".repeat(10 * MIB) } };
  const large = toBinary(AgentSchema, create(AgentSchema, tooLarge));
  // Node's own client breaks off where more than this waits to be sent.
  const half = large.subarray(0, 5 * MIB);

  it("is refused over gRPC", async () => {
    const answer = await post2(daemon.port, CREATE, { headers: GRPC, body: grpcFrame(half) });

    expect(answer.headers["grpc-status"]).toBe(CODE.resourceExhausted);
  });

  it("is not even sent by our own client, whose connection stays of use", async () => {
    const agents = daemon.client.service(AgentCommandController);

    const faults = [await refused(agents.create(tooLarge)), await refused(agents.create(tooLarge))];

    for (const fault of faults) expect(fault).toMatchObject({ kind: "exhausted", reason: "MESSAGE_TOO_LARGE" });
    expect((await createAgent(daemon.client, { name: "small" })).metadata?.name).toBe("small");
  });

  it("is refused over Connect, packed or not", async () => {
    const plain = await post(daemon.port, CREATE, { headers: PROTO, body: large });
    const packed = await post(daemon.port, CREATE, {
      headers: { ...PROTO, "content-encoding": "gzip" },
      body: gzipSync(large),
    });

    expect(json(plain).code).toBe("resource_exhausted");
    expect(json(packed).code).toBe("resource_exhausted");
  });

  it("is refused by what its frame says, before it is there", async () => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(0xffff_ffff, 1);

    const answer = await post2(daemon.port, CREATE, { headers: GRPC, body: head });

    expect(answer.headers["grpc-status"]).toBe(CODE.resourceExhausted);
  });
});

describe("where a request comes from", () => {
  it.each(["stigmer.example", "127.0.0.1.example", "localhost.example:80", "169.254.169.254", "[::2]"])(
    "is refused with host %j over HTTP/1.1 and HTTP/2",
    async (host) => {
      const one = await post(daemon.port, GET_INFO, { headers: { host } });
      const two = await post2(daemon.port, GET_INFO, {
        headers: { ":authority": host, "content-type": "application/json" },
      });

      expect([one.status, two.status]).toEqual([403, 403]);
    },
  );

  it.each(["localhost@x", "localhost/x", "local host"])("is refused with host %j over HTTP/1.1", async (host) => {
    const answer = await post(daemon.port, GET_INFO, { headers: { host } });

    expect(answer.status).toBe(403);
  });

  it("is refused where it does not say so", async () => {
    const socket = await openSocket(daemon.port);
    socket.write(`POST ${GET_INFO} HTTP/1.1\r\nhost:\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`);

    const [answer] = await once(socket, "data");

    expect(String(answer)).toMatch(/^HTTP\/1.1 403 /);
    socket.destroy();
  });

  it.each(["http://stigmer.example", "https://localhost", "null", "", "http://localhost:1", "file://"])(
    "is refused with origin %j over HTTP/1.1 and HTTP/2",
    async (origin) => {
      const one = await post(daemon.port, GET_INFO, { headers: { origin } });
      const two = await post2(daemon.port, GET_INFO, {
        headers: { ...GRPC, origin },
        body: grpcFrame(new Uint8Array()),
      });

      expect([one.status, two.status]).toEqual([403, 403]);
    },
  );

  it.each(["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]"])(
    "may be %s, and a page that the backend itself serves there",
    async (name) => {
      const host = `${name}:${daemon.port}`;

      const plain = await post(daemon.port, GET_INFO, { headers: { host } });
      const page = await post(daemon.port, GET_INFO, { headers: { host, origin: `http://${host}` } });

      expect([plain.status, page.status]).toEqual([200, 200]);
    },
  );
});

describe("one port", () => {
  it("speaks Connect over HTTP/1.1 and HTTP/2, and gRPC-Web", async () => {
    const connect = await post(daemon.port, GET_INFO, {});
    const connect2 = await post2(daemon.port, GET_INFO, {
      headers: { "content-type": "application/json" },
      body: Buffer.from("{}"),
    });
    const web = await post(daemon.port, GET_INFO, {
      headers: { "content-type": "application/grpc-web+proto" },
      body: grpcFrame(new Uint8Array()),
    });

    expect(json(connect).implementation).toBe("stigmer-daemon");
    expect(json(connect2).implementation).toBe("stigmer-daemon");
    expect(web.status).toBe(200);
    expect(web.body.toString("latin1")).toContain("grpc-status: 0");
  });

  it("is there on IPv6 too where the machine has it", async ({ skip }) => {
    const { networkInterfaces } = await import("node:os");
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    skip(!addresses.some(({ address }) => address === "::1"), "this machine has no IPv6");

    const answer = await fetch(`http://[::1]:${daemon.port}${GET_INFO}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });

    expect(answer.status).toBe(200);
  });

  it("serves others while a client is in the middle of its first bytes", async () => {
    using slow = { socket: await openSocket(daemon.port), [Symbol.dispose]: () => slow.socket.destroy() };
    slow.socket.write("PRI");

    const others = await post(daemon.port, GET_INFO, {});
    slow.socket.write(" * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    slow.socket.write(new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    const [settings] = await once(slow.socket, "data");

    expect(others.status).toBe(200);
    expect(settings[3]).toBe(4);
  });

  it("goes on serving a connection on which refused streams are left open", async () => {
    const session = http2(daemon.url);
    const frame = grpcFrame(toBinary(RunnerMessageSchema, create(RunnerMessageSchema)));
    const path = `/${RunnerController.typeName}/connect`;

    const statuses = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const stream = session.request({ ":method": "POST", ":path": path, ...GRPC });
        stream.write(frame);
        const [trailers] = await once(stream, "trailers");
        return trailers["grpc-status"];
      }),
    );

    expect(new Set(statuses)).toEqual(new Set([CODE.invalidArgument]));
    session.destroy();
  });

  it("serves a request whose bytes come one by one", async () => {
    const socket = await openSocket(daemon.port);
    const answer = once(socket, "data");
    const body = `POST ${GET_INFO} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;

    for (const byte of Buffer.from(body)) {
      if (!socket.write(new Uint8Array([byte]))) await once(socket, "drain");
      await new Promise((resolve) => setImmediate(resolve));
    }

    expect(String(await answer)).toMatch(/^HTTP\/1.1 200 /);
    socket.destroy();
  });

  it.each([
    ["neither HTTP/1.1 nor HTTP/2", Buffer.from("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "latin1")],
    ["HTTP/2 that breaks its rules", Buffer.from(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${"\xff".repeat(100)}`, "latin1")],
    ["a header without end", Buffer.from(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(64 * 1024)}`)],
  ])("ends a connection that speaks %s", async (_, bytes) => {
    const socket = await openSocket(daemon.port);
    socket.on("error", () => {}); // being cut off is what is asked for
    socket.resume();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(bytes);

    await closed;

    expect((await post(daemon.port, GET_INFO, {})).status).toBe(200);
  });

  it("refuses to be opened twice", async () => {
    const { startDaemon } = await import("./daemon.ts");
    await using other = await startTestDaemon();
    await other.stop();

    const second = startDaemon({
      ...{ home: other.home, port: daemon.port, env: {}, runnerEntry: undefined, user: "tester" },
      log: (await import("pino")).pino({ level: "silent" }),
    });

    expect(await refused(second)).toMatchObject({ kind: "precondition", reason: "LISTEN_FAILED" });
  });
});

describe("a stream of a runner", () => {
  it.each([
    ["does not begin with hello", { case: "heartbeat", value: {} }],
    ["says hello with a bad name", { case: "hello", value: { ...hello("x"), name: "Not A Name" } }],
    ["says hello without a role", { case: "hello", value: { ...hello("x"), roles: [] } }],
    ["speaks another version", { case: "hello", value: { ...hello("x"), protocolVersion: 2 } }],
    [
      "claims a lease of no epoch",
      { case: "hello", value: { ...hello("x"), running: [{ executionId: "aex_1", epoch: 0n }] } },
    ],
  ] as const)("is refused where it %s", async (_, message) => {
    const answers = daemon.client.service(RunnerController).connect(messages(message));

    const fault = await refused(answers[Symbol.asyncIterator]().next());

    expect(fault).toMatchObject({ kind: "invalid", reason: "INVALID_REQUEST" });
  });

  it.each([
    ["breaks a rule", { case: "heartbeat", value: { running: [{ executionId: "", epoch: -1n }] } }],
    ["comes without content", { case: undefined }],
    ["says hello again", { case: "hello", value: hello("again") }],
  ] as const)("is refused where a later message %s", async (_, message) => {
    const answers = daemon.client
      .service(RunnerController)
      .connect(messages({ case: "hello", value: hello("later") }, message));
    const source = answers[Symbol.asyncIterator]();
    const welcome = await source.next();

    const fault = await refused(source.next());

    expect(welcome.value?.message.case).toBe("welcome");
    expect(fault).toMatchObject({ kind: "invalid", reason: "INVALID_REQUEST" });
  });
});

it("answers a call to what was not found with a status, a reason and the resource", async () => {
  const answer = await post(daemon.port, `/${AgentQueryController.typeName}/get`, { body: '{"id":"agt_0"}' });

  expect(answer.status).toBe(404);
  expect(json(answer)).toMatchObject({
    code: "not_found",
    details: [
      { type: "google.rpc.ErrorInfo", debug: { reason: "RESOURCE_NOT_FOUND", domain: "stigmer.ai" } },
      { type: "google.rpc.ResourceInfo", debug: { resourceType: "Agent", resourceName: "agt_0" } },
    ],
  });
});

function json({ body }: RawAnswer): Record<string, unknown> {
  return JSON.parse(body.toString());
}

function hello(name: string) {
  return { name, instance: `instance-${name}`, roles: [1], slots: 1, protocolVersion: 1 };
}

/** The messages, then silence: the stream stays open. */
async function* messages(...list: readonly object[]) {
  for (const message of list) yield { message: message as never };
  await new Promise(() => {});
}
