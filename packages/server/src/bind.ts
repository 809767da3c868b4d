import { type DescMethod, type DescService, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { type Clock, invalid, type Reason, unsupported } from "@stigmer/base";
import { method as methodOption, Verb } from "@stigmer/contracts/commons";
import { type Caller, type Handler, type IncomingCall, optionsOf, type Pipeline, verbOf } from "@stigmer/resource";
import { toWire } from "./error-table.ts";
import { aroundStream, aroundUnary, type Exchange, type Interceptor } from "./exchange.ts";

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
  readonly callerOf: (headers: Headers) => Caller;
  readonly clock: Clock;
};

const NOT_CLAIMED: Reason = "FEATURE_NOT_CLAIMED";
const OURS = "ai.stigmer.";
const MAX_KEY_LENGTH = 128;

/**
 * Binds every method of every service: to its handler, or to the answer that the service is not claimed. Throws where a
 * method has none, where it has two, or where a service that is not claimed has one.
 */
export function bind(bindings: Bindings): (router: ConnectRouter) => void {
  const handlers = indexHandlers(bindings);
  return (router) => {
    for (const service of bindings.services) {
      for (const method of service.methods)
        router.rpc(method, implementation(bindings, method, handlers.get(keyOf(method))) as never);
    }
  };
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

function implementation(bindings: Bindings, method: DescMethod, handler: Handler | undefined) {
  const exchangeOf = (context: HandlerContext): Exchange => newExchange(bindings, method, context);
  if (!handler) return refuseUnclaimed(method);
  if (handler.shape === "unary") {
    return (request: Message, context: HandlerContext) =>
      aroundUnary(bindings.interceptors, async ({ call }) =>
        handler.run(request, await admit(bindings, request, call)),
      )(exchangeOf(context));
  }
  if (handler.shape === "stream") {
    return (request: Message, context: HandlerContext) =>
      aroundStream(bindings.interceptors, async function* ({ call }) {
        yield* handler.run(request, await admit(bindings, request, call));
      })(exchangeOf(context));
  }
  return (requests: AsyncIterable<Message>, context: HandlerContext) =>
    aroundStream(bindings.interceptors, (exchange) => serveBidi(bindings, handler, requests, exchange.call))(
      exchangeOf(context),
    );
}

/** Each request message is admitted by itself; the stream's own call is the one of its first message. */
async function* serveBidi(
  bindings: Bindings,
  handler: Extract<Handler, { shape: "bidi" }>,
  requests: AsyncIterable<Message>,
  incoming: IncomingCall,
): AsyncIterable<Message> {
  const source = requests[Symbol.asyncIterator]();
  const first = await source.next();
  if (first.done) return;
  const call = await admit(bindings, first.value, incoming);
  const admitted = async function* (): AsyncIterable<Message> {
    yield first.value;
    for (let next = await source.next(); !next.done; next = await source.next()) {
      await admit(bindings, next.value, incoming);
      yield next.value;
    }
  };
  yield* handler.run(admitted(), call);
}

/** Methods without options are gRPC's own: health and reflection. They concern nobody's data. */
async function admit(bindings: Bindings, request: Message, call: IncomingCall) {
  return optionsOf(call) ? await bindings.pipeline.admit(request, call) : { ...call, org: call.caller.org };
}

function refuseUnclaimed(method: DescMethod) {
  const error = () => toWire(unsupported(NOT_CLAIMED, { service: method.parent.typeName }), "");
  if (method.methodKind === "unary") return () => Promise.reject(error());
  // biome-ignore lint/correctness/useYield: refuses before it has anything to say
  return async function* () {
    throw error();
  };
}

function newExchange(bindings: Bindings, method: DescMethod, context: HandlerContext): Exchange {
  const headers = context.requestHeader;
  const requestId = crypto.randomUUID();
  context.responseHeader.set("x-request-id", requestId);
  const key = headers.get("idempotency-key") ?? undefined;
  if (key !== undefined && (key.length === 0 || key.length > MAX_KEY_LENGTH)) {
    const description = `must have 1 to ${MAX_KEY_LENGTH} characters`;
    throw toWire(invalid([{ field: "idempotency-key", description }]), requestId);
  }
  const call = {
    ...{ method, caller: bindings.callerOf(headers), requestId, signal: context.signal },
    ...{ idempotencyKey: key, fieldManager: headers.get("field-manager") ?? undefined },
  };
  return {
    call,
    protocol: context.protocolName,
    started: bindings.clock.monotonic(),
    hasDeadline: context.timeoutMs() !== undefined,
  };
}
