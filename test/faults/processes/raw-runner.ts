import { randomUUID } from "node:crypto";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type HelloSchema,
  type RunnerMessageSchema as MessageSchema,
  RunnerMessageSchema,
  RunnerRole,
  type ServerMessage,
  ServerMessageSchema,
} from "@stigmer/contracts/agentic";
import { eventually } from "@stigmer/e2e/harness";

type Heard = Exclude<ServerMessage["message"], { case: undefined }>;
type Saying = NonNullable<MessageInitShape<typeof MessageSchema>["message"]>;

/** A runner that is nothing but bytes on HTTP/2: it can say what no honest runner says, and stop reading. */
export interface RawRunner extends Disposable {
  readonly instance: string;
  readonly heard: readonly Heard[];
  say(message: Saying): void;
  /** The first message of this kind that passes, once it is there. */
  hears<C extends Heard["case"]>(
    kind: C,
    passes?: (value: Extract<Heard, { case: C }>["value"]) => boolean,
  ): Promise<Extract<Heard, { case: C }>["value"]>;
  /** Says that it lives, and drives these, until it is told otherwise. */
  beat(running?: () => readonly { readonly executionId: string; readonly epoch: bigint }[]): void;
  stopReading(): void;
  /** How the backend ended the line: gRPC's status, once it has. */
  readonly status: Promise<string>;
}

const BEAT_MS = 500;

export function connectRaw(url: string, hello: MessageInitShape<typeof HelloSchema> = {}): RawRunner {
  const instance = randomUUID();
  const session = connect(url);
  const stream = openLine(session);
  const heard: Heard[] = [];
  const { promise: status, resolve } = Promise.withResolvers<string>();
  stream.on("trailers", (trailers) => resolve(String(trailers["grpc-status"])));
  stream.on("response", (headers) => headers["grpc-status"] && resolve(String(headers["grpc-status"])));
  stream.on("close", () => resolve("closed"));
  onMessages(stream, (message) => heard.push(message));
  const say = (message: Saying): void => {
    if (!stream.writable) return;
    stream.write(frame(toBinary(RunnerMessageSchema, create(RunnerMessageSchema, { message }))));
  };
  const roles = [RunnerRole.AGENT, RunnerRole.TOOLS];
  say({ case: "hello", value: { name: "raw", instance, roles, slots: 8, protocolVersion: 1, ...hello } });
  let beating: NodeJS.Timeout | undefined;
  return {
    instance,
    heard,
    say,
    status,
    async hears(kind, passes = () => true) {
      const look = () => heard.find((one) => one.case === kind && passes(one.value as never))?.value;
      return (await eventually(look, `the backend to say ${kind}`)) as never;
    },
    beat(running = () => []) {
      beating = setInterval(() => say({ case: "heartbeat", value: { running: [...running()] } }), BEAT_MS);
    },
    stopReading: () => void stream.pause(),
    [Symbol.dispose]() {
      clearInterval(beating);
      session.destroy();
    },
  };
}

function openLine(session: ClientHttp2Session): ClientHttp2Stream {
  session.on("error", () => {});
  const stream = session.request({
    ":method": "POST",
    ":path": "/ai.stigmer.agentic.runner.v1.RunnerController/connect",
    "content-type": "application/grpc",
    te: "trailers",
  });
  return stream.on("error", () => {});
}

function onMessages(stream: ClientHttp2Stream, take: (message: Heard) => void): void {
  let left = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    left = Buffer.concat([left, chunk]);
    while (left.length >= 5 && left.length >= 5 + left.readUInt32BE(1)) {
      const end = 5 + left.readUInt32BE(1);
      const { message } = fromBinary(ServerMessageSchema, left.subarray(5, end));
      left = left.subarray(end);
      if (message.case !== undefined) take(message);
    }
  });
}

/** One message as gRPC puts it on the wire. */
export function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
