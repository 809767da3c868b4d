import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  type Hello,
  type Lease,
  RunnerController,
  type RunnerMessage,
  type ServerMessage,
  ServerMessageSchema,
} from "@stigmer/contracts/agentic";
import { type CallToolRequest, type CallToolResponseSchema, ToolController } from "@stigmer/contracts/capability";
import type { ErrorReason } from "@stigmer/contracts/commons";
import { type GenerateRequest, type GenerateResponseSchema, ModelController } from "@stigmer/contracts/gateway";
import { ErrorInfoSchema } from "@stigmer/contracts/rpc";
import { createOutbox, type Outbox } from "./outbox.ts";

export type Generated = MessageInitShape<typeof GenerateResponseSchema>;
type Called = MessageInitShape<typeof CallToolResponseSchema>;

/** A backend that does as a test says, behind a real port. */
export interface FakeBackend {
  readonly url: string;
  /** What the services answer; a test replaces them. */
  generate: (request: GenerateRequest, context: HandlerContext) => AsyncIterable<Generated>;
  call: (request: CallToolRequest, context: HandlerContext) => AsyncIterable<Called>;
  /** The next runner that connects, once it has said hello. */
  nextRunner(): Promise<FakeConnection>;
  /** Breaks every connection and stops listening. */
  crash(): Promise<void>;
  /** Listens again, at the same port. */
  restart(): Promise<void>;
}

export interface FakeConnection {
  readonly hello: Hello;
  send(message: NonNullable<MessageInitShape<typeof ServerMessageSchema>["message"]>): void;
  welcome(kept?: readonly Lease[], heartbeatIntervalMs?: bigint, leaseDurationMs?: bigint): void;
  assign(executionId: string, epoch: bigint): void;
  /** The next message of this kind; others before it are passed over. */
  next<C extends Said["case"]>(kind: C): Promise<Extract<Said, { case: C }>["value"]>;
  /** Everything that the runner says, as it comes. */
  readonly said: AsyncIterator<Said>;
  /** What the runner said until it went, but that it drains. */
  rest(): Promise<Said[]>;
  /** Ends the stream. */
  hangUp(): void;
  /** Ends the stream with an error. */
  refuse(error: Error): void;
}

export type Said = Exclude<RunnerMessage["message"], { case: undefined }>;

export async function startFakeBackend(): Promise<FakeBackend> {
  const runners = createOutbox<FakeConnection>(1_000);
  const arrivals = runners[Symbol.asyncIterator]();
  const routes = (router: ConnectRouter): void => {
    router.service(RunnerController, { connect: (messages, { signal }) => serve(messages, { signal, runners }) });
    router.service(ModelController, { generate: (request, context) => backend.generate(request, context) });
    router.service(ToolController, {
      list: () => ({ tools: [] }),
      call: (request, context) => backend.call(request, context),
    });
  };
  let listener = await listen(routes, 0);
  const backend: FakeBackend = {
    url: `http://127.0.0.1:${listener.port}`,
    generate: () => failing(refusal(Code.Internal, "INTERNAL")),
    call: () => failing(refusal(Code.Internal, "INTERNAL")),
    nextRunner: async () => (await arrivals.next()).value,
    crash: () => listener.crash(),
    restart: async () => {
      listener = await listen(routes, listener.port);
    },
  };
  return backend;
}

/** An error as the server's error table writes it. */
export function refusal(code: Code, reason: keyof typeof ErrorReason): ConnectError {
  const value = { reason, domain: "stigmer.ai", metadata: { at: "test" } };
  return new ConnectError(reason, code, undefined, [{ desc: ErrorInfoSchema, value }]);
}

/** Answers that are given at once. */
export async function* answering<T>(...answers: T[]): AsyncIterable<T> {
  yield* answers;
}

export function failing(error: Error): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
}

async function* serve(
  messages: AsyncIterable<RunnerMessage>,
  { signal, runners }: { readonly signal: AbortSignal; readonly runners: Outbox<FakeConnection> },
): AsyncIterable<ServerMessage> {
  const inbox = createOutbox<Said>(10_000);
  const outbox = createOutbox<ServerMessage>(10_000);
  signal.addEventListener("abort", () => outbox.end());
  void receive(messages, inbox).finally(() => outbox.end());
  const said = inbox[Symbol.asyncIterator]();
  const first = (await said.next()).value;
  if (first?.case !== "hello") throw new ConnectError("no hello", Code.InvalidArgument);
  const refused: { error?: Error } = {};
  runners.push(connection(first.value, said, { outbox, refused }));
  yield* outbox;
  if (refused.error) throw refused.error;
}

async function receive(messages: AsyncIterable<RunnerMessage>, inbox: Outbox<Said>): Promise<void> {
  try {
    for await (const { message } of messages) if (message.case) inbox.push(message);
  } catch {
    // The runner is gone; the end says so.
  }
  inbox.end();
}

function connection(
  hello: Hello,
  said: AsyncIterator<Said>,
  { outbox, refused }: { readonly outbox: Outbox<ServerMessage>; readonly refused: { error?: Error } },
): FakeConnection {
  const send: FakeConnection["send"] = (message) => {
    outbox.push(create(ServerMessageSchema, { message }));
  };
  return {
    hello,
    said,
    send,
    welcome: (kept = [], heartbeatIntervalMs = 60_000n, leaseDurationMs = 180_000n) =>
      send({ case: "welcome", value: { heartbeatIntervalMs, leaseDurationMs, kept: [...kept] } }),
    assign: (executionId, epoch) =>
      send({
        case: "assignment",
        value: { lease: { executionId, epoch }, agent: { instructions: "help" }, message: "hi" },
      }),
    async next(kind) {
      for (let { done, value } = await said.next(); !done; { done, value } = await said.next()) {
        if (value.case === kind) return value.value as never;
      }
      throw new Error(`the runner went without a message of kind ${kind}`);
    },
    async rest() {
      const all: Said[] = [];
      for (let { done, value } = await said.next(); !done; { done, value } = await said.next()) all.push(value);
      return all.filter((one) => one.case !== "draining");
    },
    hangUp: () => outbox.end(),
    refuse(error) {
      refused.error = error;
      outbox.end();
    },
  };
}

async function listen(routes: (router: ConnectRouter) => void, port: number) {
  const server: Http2Server = createServer(connectNodeAdapter({ routes }));
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    crash: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}
