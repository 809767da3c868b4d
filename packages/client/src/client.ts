import type { DescService } from "@bufbuild/protobuf";
import { createClient, type Client as ServiceClient, type Transport } from "@connectrpc/connect";

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
      const known = clients.get(service.typeName) ?? createClient(service, transport);
      clients.set(service.typeName, known);
      return known as ServiceClient<S>;
    },
    close: () => options.close?.(),
  };
}
