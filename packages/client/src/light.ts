import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { Client as ServiceClient } from "@connectrpc/connect";
import type { Client } from "./client.ts";
import { httpLine } from "./http-line.ts";
import { type JsonCaller, jsonCaller } from "./json-calls.ts";
import { FIRST_DELAY_MS, MAX_ANSWER_BYTES } from "./limits.ts";

export type { JsonCall, JsonCaller, JsonOptions } from "./json-calls.ts";

/** A client that begins with next to nothing: what typed calls and streams need is loaded when the first one is made. */
export interface LightClient extends Client, JsonCaller {}

/** A client for programs that live for one call or two. Behaves as `connectTo`'s, and speaks Connect over HTTP/1.1 where it can. */
export function connectLightly(options: { readonly url: string; readonly attempts?: number }): LightClient {
  const { url } = options;
  const retry = { attempts: options.attempts ?? 3, firstDelayMs: FIRST_DELAY_MS };
  const line = httpLine(url, { maxBytes: MAX_ANSWER_BYTES });
  let typed: Promise<Client> | undefined;
  const load = (): Promise<Client> => {
    typed ??= import("./light-typed.ts").then(({ typedOver }) => typedOver(line, { url, ...retry }));
    return typed;
  };
  return {
    url,
    json: jsonCaller(line, retry).json,
    service: (service) => lazily(service, load),
    close() {
      line.close();
      void typed?.then((client) => client.close());
    },
  };
}

type Call = (...args: unknown[]) => Promise<unknown> | AsyncIterable<unknown>;

/** A service's client whose methods wait for the real one. */
function lazily<S extends DescService>(service: S, load: () => Promise<Client>): ServiceClient<S> {
  const methods = service.methods.map((method) => [method.localName, lazyCall(method, load)]);
  return Object.fromEntries(methods) as ServiceClient<S>;
}

function lazyCall(method: DescMethod, load: () => Promise<Client>): Call {
  const call = async (args: unknown[]): Promise<unknown> => {
    const functions = (await load()).service(method.parent) as unknown as Readonly<Record<string, Call>>;
    // A stream is returned inside of something: on its own it could be taken for the promise's value.
    return { answer: functions[method.localName]?.(...args) };
  };
  return (...args) => {
    const called = call(args) as Promise<{ readonly answer: unknown }>;
    if (method.methodKind === "unary") return called.then(({ answer }) => answer);
    return streamOf(called as Promise<{ readonly answer: AsyncIterable<unknown> }>);
  };
}

function streamOf(called: Promise<{ readonly answer: AsyncIterable<unknown> }>): AsyncIterable<unknown> {
  const source = called.then(({ answer }) => answer[Symbol.asyncIterator]());
  // Whoever asks for the next message hears of it.
  source.catch(() => undefined);
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => await (await source).next(),
      return: async (value) => (await (await source).return?.(value)) ?? { done: true, value },
    }),
  };
}
