import { type DescMethod, type DescService, getOption, hasOption, type Message, toBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { type Clock, invalid, type Reason, unsupported } from "@stigmer/base";
import { method as methodOption, Verb } from "@stigmer/contracts/commons";
import { type Call, type Caller, type Handler, optionsOf, type Pipeline, verbOf } from "@stigmer/resource";
import { readingFault } from "./error-table.ts";
import { aroundStream, aroundUnary, type Exchange, type Incoming, type Interceptor } from "./exchange.ts";

/** A service of the contract that a backend does not offer. */
export type Unclaimed = { readonly service: DescService; readonly reason: string };

export type Bindings = {
  /** Every service of the contract, and gRPC's own. */
  readonly services: readonly DescService[];
  readonly handlers: readonly Handler[];
  readonly unclaimed: readonly Unclaimed[];
  readonly pipeline: Pipeline;
  readonly interceptors: readonly Interceptor[];
  /** Who calls, by what the request's headers say. */
  readonly callerOf: (header: Incoming["header"]) => Caller;
  readonly clock: Clock;
};

/** A method and what serves it, whichever protocol a call comes by; what it throws is ready for the wire. */
export type BoundMethod =
  | {
      readonly shape: "unary";
      readonly method: DescMethod;
      readonly serve: (request: Message, incoming: Incoming) => Promise<Message>;
      /** The same, encoded; where the handler has nothing quicker, by encoding its message. */
      readonly serveEncoded: (request: Message, incoming: Incoming) => Promise<Uint8Array>;
    }
  | {
      readonly shape: "stream";
      readonly method: DescMethod;
      readonly serve: (request: Message, incoming: Incoming) => AsyncIterable<Message>;
      /** The same messages, at once those that are ready; many calls may get one array, so nobody may change it. */
      readonly serveBatches: (request: Message, incoming: Incoming) => AsyncIterable<readonly Message[]>;
    }
  | {
      readonly shape: "bidi";
      readonly method: DescMethod;
      readonly serve: (requests: AsyncIterable<Message>, incoming: Incoming) => AsyncIterable<Message>;
    };

const NOT_CLAIMED: Reason = "FEATURE_NOT_CLAIMED";
const OURS = "ai.stigmer.";
const MAX_KEY_LENGTH = 128;

/**
 * Binds every method of every service: to its handler, or to the answer that the service is not claimed. Throws where a
 * method has none, where it has two, or where a service that is not claimed has one.
 */
export function bind(bindings: Bindings): readonly BoundMethod[] {
  const handlers = indexHandlers(bindings);
  return bindings.services.flatMap((service) =>
    service.methods.map((method) => bindOne(bindings, handlers.get(keyOf(method)) ?? refuseUnclaimed(method))),
  );
}

function indexHandlers({ services, handlers, unclaimed }: Bindings): Map<string, Handler> {
  const index = new Map<string, Handler>();
  for (const handler of handlers) {
    const key = keyOf(handler.method);
    if (index.has(key)) throw new Error(`${key} has two handlers`);
    index.set(key, handler);
  }
  const dropped = new Set(unclaimed.map(({ service }) => service.typeName));
  for (const service of services) {
    for (const method of service.methods) {
      const key = keyOf(method);
      requireOptions(method);
      if (dropped.has(service.typeName) && index.has(key))
        throw new Error(`${key} has a handler, but its service is not claimed`);
      if (!dropped.has(service.typeName) && !index.has(key)) throw new Error(`${key} has ${missing(method)}`);
    }
  }
  return index;
}

/** A method of ours must say what it needs and what it does; without that nothing could be authorized or retried. */
function requireOptions(method: DescMethod): void {
  if (!method.parent.typeName.startsWith(OURS)) return;
  const options = hasOption(method, methodOption) ? getOption(method, methodOption) : undefined;
  if (!options?.permission || !options.effect) throw new Error(`${keyOf(method)} has no permission or no effect`);
}

function missing(method: DescMethod): string {
  return verbOf(method) === Verb.UNSPECIFIED
    ? "neither a verb nor a handler"
    : "a verb, but its kind is not registered";
}

function keyOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

function bindOne(bindings: Bindings, handler: Handler): BoundMethod {
  const { method } = handler;
  const open = (incoming: Incoming): Exchange => newExchange(bindings, method, incoming);
  if (handler.shape === "unary") {
    const around = aroundUnary(bindings.interceptors);
    const encode =
      handler.encoded ?? (async (request, call) => toBinary(method.output, await handler.run(request, call)));
    const serving =
      <T>(run: (request: Message, call: Call) => Promise<T>) =>
      (request: Message, incoming: Incoming): Promise<T> => {
        const exchange = open(incoming);
        return around(exchange, async () => run(request, await admit(bindings, request, exchange)));
      };
    return { shape: "unary", method, serve: serving(handler.run), serveEncoded: serving(encode) };
  }
  const around = aroundStream(bindings.interceptors);
  if (handler.shape === "stream") {
    const batches = handler.batches ?? ((request, call) => oneByOne(handler.run(request, call)));
    const serving =
      <T>(run: (request: Message, call: Call) => AsyncIterable<T>) =>
      (request: Message, incoming: Incoming): AsyncIterable<T> => {
        const exchange = open(incoming);
        return around(exchange, async function* () {
          yield* run(request, await admit(bindings, request, exchange));
        });
      };
    return { shape: "stream", method, serve: serving(handler.run), serveBatches: serving(batches) };
  }
  const serve = (requests: AsyncIterable<Message>, incoming: Incoming): AsyncIterable<Message> => {
    const exchange = open(incoming);
    return around(exchange, () => serveBidi(bindings, handler, { requests: readable(requests), exchange }));
  };
  return { shape: "bidi", method, serve };
}

/** Each message by itself. */
export async function* oneByOne(messages: AsyncIterable<Message>): AsyncIterable<readonly Message[]> {
  for await (const message of messages) yield [message];
}

/** Each request message is admitted by itself; the stream's own call is the one of its first message. */
async function* serveBidi(
  bindings: Bindings,
  handler: Extract<Handler, { shape: "bidi" }>,
  { requests, exchange }: { readonly requests: AsyncIterable<Message>; readonly exchange: Exchange },
): AsyncIterable<Message> {
  const source = requests[Symbol.asyncIterator]();
  const first = await source.next();
  if (first.done) return;
  const call = await admit(bindings, first.value, exchange);
  const admitted = async function* (): AsyncIterable<Message> {
    yield first.value;
    for (let next = await source.next(); !next.done; next = await source.next()) {
      await admit(bindings, next.value, exchange);
      yield next.value;
    }
  };
  yield* handler.run(admitted(), call);
}

/** The messages; where one can't be read, the fault says so, and not the handler's. */
async function* readable(requests: AsyncIterable<Message>): AsyncIterable<Message> {
  try {
    yield* requests;
  } catch (error) {
    throw error instanceof ConnectError ? readingFault(error) : error;
  }
}

/** Methods without options are gRPC's own: health and reflection. They concern nobody's data. */
async function admit(bindings: Bindings, request: Message, { call }: Exchange): Promise<Call> {
  const { idempotencyKey: key } = call;
  if (key !== undefined && (key.length === 0 || key.length > MAX_KEY_LENGTH)) {
    const description = `must have 1 to ${MAX_KEY_LENGTH} characters`;
    throw invalid([{ field: "idempotency-key", description }]);
  }
  return optionsOf(call) ? await bindings.pipeline.admit(request, call) : { ...call, org: call.caller.org };
}

function refuseUnclaimed(method: DescMethod): Handler {
  const refusal = () => unsupported(NOT_CLAIMED, { service: method.parent.typeName });
  if (method.methodKind === "unary") return { shape: "unary", method, run: () => Promise.reject(refusal()) };
  // biome-ignore lint/correctness/useYield: it refuses before there is anything to yield
  const run = async function* () {
    throw refusal();
  };
  return method.methodKind === "server_streaming" ? { shape: "stream", method, run } : { shape: "bidi", method, run };
}

function newExchange(bindings: Bindings, method: DescMethod, incoming: Incoming): Exchange {
  const { requestId, controller } = incoming;
  const call = {
    ...{ method, caller: bindings.callerOf(incoming.header), requestId, signal: controller.signal },
    ...{ idempotencyKey: incoming.header("idempotency-key"), fieldManager: incoming.header("field-manager") },
  };
  return { call, incoming, started: bindings.clock.monotonic() };
}
