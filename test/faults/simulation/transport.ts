import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse, type Transport, type UnaryResponse } from "@connectrpc/connect";
import type { BoundMethod } from "@stigmer/server";
import { type Channel, createChannel } from "./channel.ts";
import { type Network, unreachable, type Wire } from "./network.ts";
import type { SimProcess } from "./virtual-time.ts";

/** A message that came in, for whoever keeps watch. */
export type Received = { readonly method: DescMethod; readonly request: Message | undefined; readonly answer: Message };

export type TransportDeps = {
  readonly network: Network;
  readonly client: SimProcess;
  /** Told of each answer that the client gets, before the client is. */
  readonly received?: (answer: Received) => void;
  /** Told of each answer that the backend sends. */
  readonly sent?: (answer: Received) => void;
};

type Asked = {
  readonly method: DescMethod;
  readonly signal: AbortSignal | undefined;
  readonly header: Headers;
  readonly requests: AsyncIterable<Message>;
};

/** Calls that pass through the world's network, encoded as on a real line. */
export function transportOver(deps: TransportDeps): Transport {
  const messages = async function* <I extends DescMessage>(schema: I, input: AsyncIterable<MessageInitShape<I>>) {
    for await (const message of input) yield create(schema, message) as Message;
  };
  const stream: Transport["stream"] = async (method, signal, _timeoutMs, header, input) => {
    const asked = { method, signal, header: new Headers(header), requests: messages(method.input, input) };
    const message = call(deps, asked);
    const parts = { service: method.parent, method, header: new Headers(), trailer: new Headers() };
    return { ...parts, stream: true, message } as unknown as StreamResponse<never, never> as never;
  };
  const unary: Transport["unary"] = async (method, signal, _timeoutMs, header, input) => {
    const requests = messages(method.input, one(input));
    for await (const message of call(deps, { method, signal, header: new Headers(header), requests })) {
      const parts = { service: method.parent, method, header: new Headers(), trailer: new Headers() };
      return { ...parts, stream: false, message } as unknown as UnaryResponse<never, never> as never;
    }
    throw new ConnectError("the call has no answer", Code.Internal);
  };
  return { stream, unary };
}

async function* one<T>(item: T): AsyncIterable<T> {
  yield item;
}

/** The client's end. */
function call(deps: TransportDeps, asked: Asked): AsyncIterable<Message> {
  const { network, client, received } = deps;
  const answers = createChannel<Message>();
  const wire = network.dial(client);
  const { method, signal } = asked;
  if (!wire) {
    network.time.after(client, network.latency(), () => answers.fail(unreachable()));
    return answers;
  }
  let first: Message | undefined;
  const answer = (message: Message): void => {
    if (answers.isOver) return;
    received?.({ method, request: first, answer: message });
    answers.push(message);
  };
  const hangUp = (): void => {
    answers.fail(signal?.reason ?? new ConnectError("cancelled", Code.Canceled));
    wire.toServer(() => server.abort());
  };
  const server = serve(deps, asked, { wire, answers: { push: answer, end: answers.end, fail: answers.fail } });
  wire.onCutAtClient(answers.fail);
  signal?.addEventListener("abort", hangUp, { once: true });
  if (signal?.aborted) hangUp();
  void pump(asked.requests, (message) => {
    // A runner may say everything again but its hello, and any other call may arrive twice.
    const repeat = method.methodKind !== "bidi_streaming" || first !== undefined ? "may-repeat" : undefined;
    first ??= message;
    const bytes = toBinary(method.input, message);
    wire.toServer(() => server.take(fromBinary(method.input, bytes)), repeat);
  }).then(
    () => wire.toServer(() => server.end()),
    () => wire.toServer(() => server.abort()),
  );
  return answers;
}

type Service = { take(request: Message): void; end(): void; abort(): void };

type Serving = { readonly wire: Wire; readonly answers: Pick<Channel<Message>, "push" | "end" | "fail"> };

/** The server's end: begins with the first request that arrives. */
function serve({ network, sent: told }: TransportDeps, { method, header }: Asked, { wire, answers }: Serving): Service {
  const requests = createChannel<Message>();
  const controller = new AbortController();
  const bound = network.host?.methods.get(keyOf(method));
  let begun = 0;
  wire.onCutAtServer(() => {
    requests.fail(unreachable());
    controller.abort(new ConnectError("the client is gone", Code.Canceled));
  });
  const begin = (first: Message): void => {
    const isEcho = begun++ > 0;
    let sent = 0;
    const requestId = `${wire.client.name}-${Math.floor(network.time.now() * 1000)}`;
    const incoming = { protocol: "sim", requestId, timeoutMs: undefined, controller, header: headerOf(header) };
    const run = (): Promise<void> => pump(answersOf(bound, { first, requests, incoming }), send);
    const send = (message: Message): void => {
      if (isEcho) return;
      told?.({ method, request: first, answer: message });
      const bytes = toBinary(method.output, message);
      const repeat = sent++ > 0 && method.methodKind === "bidi_streaming" ? "may-repeat" : undefined;
      wire.toClient(() => answers.push(fromBinary(method.output, bytes)), repeat);
    };
    void network.time.as(wire.server, run).then(
      () => (isEcho ? undefined : over(answers.end)),
      (error) => (isEcho ? undefined : over(() => answers.fail(error))),
    );
  };
  const over = (tell: () => void): void => {
    wire.toClient(() => {
      wire.close();
      tell();
    });
  };
  return {
    take(request) {
      if (begun === 0 || method.methodKind !== "bidi_streaming") begin(request);
      requests.push(request);
    },
    end: requests.end,
    abort: () => {
      requests.fail(unreachable());
      controller.abort(new ConnectError("the client is gone", Code.Canceled));
    },
  };
}

type Incoming = Parameters<Extract<BoundMethod, { shape: "unary" }>["serve"]>[1];

type Arrived = {
  readonly first: Message;
  readonly requests: AsyncIterable<Message>;
  readonly incoming: Incoming;
};

function answersOf(bound: BoundMethod | undefined, { first, requests, incoming }: Arrived): AsyncIterable<Message> {
  if (!bound) throw new ConnectError("nobody serves this", Code.Unimplemented);
  if (bound.shape === "bidi") return bound.serve(requests, incoming);
  return bound.shape === "stream" ? bound.serve(first, incoming) : awaited(bound.serve(first, incoming));
}

async function* awaited<T>(answer: Promise<T>): AsyncIterable<T> {
  yield await answer;
}

function headerOf(header: Headers): (name: string) => string | undefined {
  return (name) => header.get(name) ?? undefined;
}

async function pump<T>(messages: AsyncIterable<T>, take: (message: T) => void): Promise<void> {
  for await (const message of messages) take(message);
}

export function keyOf({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}
