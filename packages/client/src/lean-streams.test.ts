import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { compressionGzip, connectNodeAdapter } from "@connectrpc/connect-node";
import { ToolController } from "@stigmer/contracts/capability";
import { ErrorInfoSchema } from "@stigmer/contracts/rpc";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Client } from "./client.ts";
import { connectTo } from "./node.ts";

type Answer = { readonly message: { readonly case: "result"; readonly value: { readonly content: string } } };
type Handler = (context: HandlerContext) => AsyncIterable<Answer>;

let server: Http2Server;
let sessions: Set<ServerHttp2Session>;
let client: Client;
let handle: Handler;

beforeEach(async () => {
  sessions = new Set();
  server = createServer(
    connectNodeAdapter({
      acceptCompression: [compressionGzip],
      routes: (router) => router.service(ToolController, { call: (_, context) => handle(context) }),
    }),
  );
  server.on("session", (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  client = connectTo({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});

afterEach(async () => {
  client.close();
  for (const session of sessions) session.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const says = (content: string): Answer => ({ message: { case: "result", value: { content } } });
const request = { executionId: "aex_1", epoch: 1n, stepKey: "s", call: { id: "c", name: "t", arguments: "{}" } };
const call = (signal?: AbortSignal) => client.service(ToolController).call(request, signal ? { signal } : {});

async function all(signal?: AbortSignal): Promise<string[]> {
  const contents: string[] = [];
  for await (const { message } of call(signal)) if (message.case === "result") contents.push(message.value.content);
  return contents;
}

it("reads every answer, whatever its size", async () => {
  const contents = ["", "a", "x".repeat(100_000), "é".repeat(2_000_000), "b"];
  handle = async function* () {
    for (const content of contents) yield says(content);
  };

  expect(await all()).toEqual(contents);
});

it("throws the fault that a backend sends, after the answers before it", async () => {
  const value = { reason: "LEASE_FENCED", domain: "stigmer.ai", metadata: { at: "test" } };
  handle = async function* () {
    yield says("a");
    throw new ConnectError("fenced", Code.Aborted, undefined, [{ desc: ErrorInfoSchema, value }]);
  };
  const stream = call()[Symbol.asyncIterator]();

  expect((await stream.next()).value?.message.case).toBe("result");
  await expect(stream.next()).rejects.toMatchObject({
    kind: "conflict",
    reason: "LEASE_FENCED",
    facts: { at: "test" },
  });
});

it("says that nobody answers where the line is cut", async () => {
  handle = async function* () {
    yield says("a");
    for (const session of sessions) session.destroy();
  };

  await expect(all()).rejects.toMatchObject({ kind: "unavailable", reason: "BACKEND_UNREACHABLE" });
});

it("says that nobody answers where nobody listens", async () => {
  const nobody = connectTo({ url: "http://127.0.0.1:1" });

  const stream = nobody.service(ToolController).call(request)[Symbol.asyncIterator]();

  await expect(stream.next()).rejects.toMatchObject({ kind: "unavailable", reason: "BACKEND_UNREACHABLE" });
});

it("refuses an answer and a request that are too large", async () => {
  handle = async function* () {
    yield says("x".repeat(17 * 1024 * 1024));
  };
  const large = { ...request, call: { ...request.call, arguments: "x".repeat(5 * 1024 * 1024) } };
  const stream = client.service(ToolController).call(large)[Symbol.asyncIterator]();

  await expect(all()).rejects.toMatchObject({ kind: "exhausted" });
  await expect(stream.next()).rejects.toMatchObject({ kind: "exhausted" });
});

it("lets the backend know where the caller gives the call up", async () => {
  const gone = Promise.withResolvers<void>();
  handle = async function* ({ signal }) {
    signal.addEventListener("abort", () => gone.resolve());
    yield says("a");
    await gone.promise;
  };
  const controller = new AbortController();
  const stream = call(controller.signal)[Symbol.asyncIterator]();
  await stream.next();

  const next = stream.next();
  controller.abort();

  await expect(next).rejects.toMatchObject({ code: Code.Canceled });
  await gone.promise;
});
