import type { DescService } from "@bufbuild/protobuf";
import { createClient, type Client as ServiceClient, type Transport } from "@connectrpc/connect";
import { faultOf } from "./fault-of.ts";

/** A backend, whichever it is: one typed client per service of the contract. Calls throw `Fault`s. */
export interface Client {
  readonly url: string;
  service<S extends DescService>(service: S): ServiceClient<S>;
  /** Ends open connections; calls that run fail as cancelled. */
  close(): void;
}

export function clientOver(
  transport: Transport,
  options: { readonly url: string; readonly close?: () => void },
): Client {
  const clients = new Map<string, unknown>();
  return {
    url: options.url,
    service<S extends DescService>(service: S): ServiceClient<S> {
      const known = clients.get(service.typeName) ?? throwingFaults(createClient(service, transport));
      clients.set(service.typeName, known);
      return known as ServiceClient<S>;
    },
    close: () => options.close?.(),
  };
}

type Method = (...args: unknown[]) => Promise<unknown> | AsyncIterable<unknown>;

/** The same client, throwing what `faultOf` says. An interceptor can't: Connect wraps whatever one throws. */
function throwingFaults(client: object): object {
  const methods = Object.entries(client).map(([name, method]: [string, Method]) => {
    const call: Method = (...args) => {
      const answer = method(...args);
      return Symbol.asyncIterator in answer ? streamOfFaults(answer) : answer.catch(rethrow);
    };
    return [name, call];
  });
  return Object.fromEntries(methods);
}

function streamOfFaults(messages: AsyncIterable<unknown>): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const source = messages[Symbol.asyncIterator]();
      return {
        next: () => source.next().catch(rethrow),
        return: async (value) => (await source.return?.(value).catch(rethrow)) ?? { done: true, value },
      };
    },
  };
}

function rethrow(error: unknown): never {
  throw faultOf(error);
}
