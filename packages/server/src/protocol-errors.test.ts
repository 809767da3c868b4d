import { request as http1 } from "node:http";
import { gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AgentSchema } from "@stigmer/contracts/agentic";
import { ErrorInfoSchema, StatusSchema } from "@stigmer/contracts/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AgentsServer, CREATE, GET, MAX_MESSAGE_BYTES, startAgents, WATCH } from "./agents-server.fake.ts";
import { call, frame, withSession } from "./grpc-clients.fake.ts";

let server: AgentsServer;

beforeAll(async () => {
  server = await startAgents({ readMs: 50 });
});
afterAll(() => server[Symbol.asyncDispose]());

/** What a client is told, whatever it speaks: the code, and the reason of the one `ErrorInfo`. */
type Told = { readonly code: string; readonly reason: string; readonly message: string };

const PROTO = { "content-type": "application/proto" };
const JSON_TYPE = { "content-type": "application/json" };
const tooLarge = toBinary(AgentSchema, create(AgentSchema, { spec: { instructions: "x".repeat(MAX_MESSAGE_BYTES) } }));
const garbage = Buffer.from([0x0f]);

describe("over Connect", () => {
  it.each([
    ["bytes that are no message", PROTO, garbage, "invalid_argument", "MALFORMED_REQUEST"],
    ["text that is no JSON", JSON_TYPE, "{nope", "invalid_argument", "MALFORMED_REQUEST"],
    ["a field that there is none of", JSON_TYPE, '{"extra":1}', "invalid_argument", "MALFORMED_REQUEST"],
    ["a message that is too large", PROTO, tooLarge, "resource_exhausted", "MESSAGE_TOO_LARGE"],
    [
      "one that is large unpacked",
      { ...PROTO, "content-encoding": "gzip" },
      gzipSync(tooLarge),
      "resource_exhausted",
      "MESSAGE_TOO_LARGE",
    ],
    [
      "what is packed badly",
      { ...PROTO, "content-encoding": "gzip" },
      garbage,
      "invalid_argument",
      "MALFORMED_REQUEST",
    ],
    ["an unknown packing", { ...PROTO, "content-encoding": "br" }, garbage, "unimplemented", "FEATURE_NOT_CLAIMED"],
    [
      "a timeout that is none",
      { ...JSON_TYPE, "connect-timeout-ms": "x" },
      "{}",
      "invalid_argument",
      "MALFORMED_REQUEST",
    ],
    ["a foreign origin", { ...JSON_TYPE, origin: "http://x" }, "{}", "permission_denied", "ORIGIN_REFUSED"],
    ["an unknown content type", { "content-type": "text/html" }, "{}", "invalid_argument", "MALFORMED_REQUEST"],
  ])("%s is refused with one reason", async (_, headers, body, code, reason) => {
    expect(await connect(CREATE, { headers, body })).toMatchObject({ code, reason });
  });

  it("an unknown method is refused with one reason, and what it was called", async () => {
    const told = await connect("/no.such.Service/get", { headers: JSON_TYPE, body: "{}" });

    expect(told).toMatchObject({ code: "unimplemented", reason: "METHOD_UNKNOWN" });
    expect(told.message).toContain("/no.such.Service/get");
  });

  it("JSON that is wrong is told what is wrong with it, in a message that stays short", async () => {
    const told = await connect(CREATE, { headers: JSON_TYPE, body: '{"extra":1}' });
    const long = await connect(CREATE, { headers: JSON_TYPE, body: `{"${"k".repeat(10_000)}":1}` });

    expect(told.message).toContain('"extra"');
    expect(long).toMatchObject({ reason: "MALFORMED_REQUEST" });
    expect(long.message.length).toBeLessThan(1_000);
  });

  it("a deadline that passes is told with one reason", async () => {
    const headers = { ...JSON_TYPE, "connect-timeout-ms": "20" };

    expect(await connect(GET, { headers, body: '{"id":"hang"}' })).toMatchObject({
      code: "deadline_exceeded",
      reason: "DEADLINE_EXCEEDED",
    });
  });

  it("a request that does not come in is ended", async () => {
    const told = await connect(GET, { headers: { ...JSON_TYPE, "content-length": "14" }, body: '{"id"', open: true });

    expect(told).toMatchObject({ code: "deadline_exceeded", reason: "DEADLINE_EXCEEDED" });
  });
});

describe.each([
  ["gRPC-Web, a call", CREATE, "application/grpc-web+proto"],
  ["gRPC-Web, a stream", WATCH, "application/grpc-web+proto"],
  ["gRPC, a call", CREATE, "application/grpc+proto"],
  ["gRPC, a stream", WATCH, "application/grpc+proto"],
  ["gRPC in JSON, a call", CREATE, "application/grpc+json"],
  ["Connect, a stream", WATCH, "application/connect+proto"],
])("over %s", (_, path, type) => {
  it.each([
    ["bytes that are no message", frame(garbage), "3", "MALFORMED_REQUEST"],
    ["half a frame", frame(garbage).subarray(0, 3), "3", "MALFORMED_REQUEST"],
    ["no frame", Buffer.alloc(0), "3", "MALFORMED_REQUEST"],
    ["two frames", Buffer.concat([frame(new Uint8Array()), frame(new Uint8Array())]), "3", "MALFORMED_REQUEST"],
    ["a message that is too large", frame(tooLarge), "8", "MESSAGE_TOO_LARGE"],
    ["an unknown packing", frame(garbage), "12", "FEATURE_NOT_CLAIMED"],
  ])("%s are refused with one reason", async (what, body, code, reason) => {
    const packed = what === "an unknown packing" ? { "grpc-encoding": "br", "connect-content-encoding": "br" } : {};
    const headers = { "content-type": type, ...packed };

    const told = await withSession(server.port, async (session) =>
      toldBy(await call(session, path, { headers, send: (stream) => stream.end(body) })),
    );

    expect(told).toMatchObject({ code, reason });
  });

  it("a request that does not come in is ended", async () => {
    const headers = { "content-type": type };

    const told = await withSession(server.port, async (session) =>
      toldBy(await call(session, path, { headers, send: (stream) => stream.write("x") })),
    );

    expect(told).toMatchObject({ code: "4", reason: "DEADLINE_EXCEEDED" });
  });
});

function connect(
  path: string,
  of: { readonly headers: Record<string, string>; readonly body: string | Uint8Array; readonly open?: boolean },
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const request = http1({
      port: server.port,
      host: "127.0.0.1",
      path,
      method: "POST",
      headers: of.headers,
      agent: false,
    });
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        request.destroy();
        expect(response.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
        const { code, message, details } = JSON.parse(Buffer.concat(chunks).toString());
        resolve({
          code,
          message,
          reason: reasonOf(
            details
              .filter((one: Detail) => one.type === ErrorInfoSchema.typeName)
              .map(({ value }: Detail) => Buffer.from(value, "base64")),
          ),
        });
      });
    });
    request.on("error", reject);
    request.write(of.body);
    if (!of.open) request.end();
  });
}

type Detail = { readonly type: string; readonly value: string };

function reasonOf(infos: readonly Uint8Array[]): string {
  const [info, ...more] = infos.map((bytes) => fromBinary(ErrorInfoSchema, bytes));
  return more.length > 0 || info?.domain !== "stigmer.ai" ? "not one of ours" : info.reason;
}

const CODES: Record<string, string> = {
  invalid_argument: "3",
  deadline_exceeded: "4",
  resource_exhausted: "8",
  unimplemented: "12",
};

/** Reads the status wherever the protocol puts it: trailers, or the last envelope of the body. */
function toldBy({
  headers,
  body,
}: {
  readonly headers: import("node:http2").IncomingHttpHeaders;
  readonly body: Buffer;
}): Told {
  expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  if (headers["content-type"]?.startsWith("application/connect")) {
    const { error } = JSON.parse(body.subarray(5).toString());
    const infos = error.details.filter((one: Detail) => one.type === ErrorInfoSchema.typeName);
    return {
      code: CODES[error.code] ?? error.code,
      message: error.message,
      reason: reasonOf(infos.map(({ value }: Detail) => Buffer.from(value, "base64"))),
    };
  }
  const lines = body
    .subarray(5)
    .toString()
    .split("\r\n")
    .map((line) => line.split(": ", 2));
  const trailers = headers["grpc-status"] === undefined ? Object.fromEntries(lines) : headers;
  const status = fromBinary(StatusSchema, Buffer.from(String(trailers["grpc-status-details-bin"]), "base64"));
  const infos = status.details.filter(({ typeUrl }) => typeUrl.endsWith(`/${ErrorInfoSchema.typeName}`));
  expect(trailers["grpc-status"]).toBe(String(status.code));
  return { code: String(status.code), message: status.message, reason: reasonOf(infos.map(({ value }) => value)) };
}
