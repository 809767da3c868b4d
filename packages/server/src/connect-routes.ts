import type { DescMethod, Message } from "@bufbuild/protobuf";
import { ConnectError, type ConnectRouter, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { BoundMethod } from "./bind.ts";
import { hasReason, readingFault } from "./error-table.ts";
import type { Incoming } from "./exchange.ts";
import { cancelled } from "./protocol-faults.ts";

/** What is known of a request that Connect's library serves, inside it and around it. */
export type Passage = {
  readonly requestId: string;
  /** Whether its message is JSON, which people write. */
  readonly json: boolean;
  /** Whether the request was read and has reached what serves it. */
  reached: boolean;
};

export const passageKey = createContextKey<Passage | undefined>(undefined);

/** Registers every method with Connect's router. */
export function connectRoutes(methods: readonly BoundMethod[]): (router: ConnectRouter) => void {
  return (router) => {
    for (const bound of methods) {
      const serve = bound.serve as (request: never, incoming: Incoming) => unknown;
      const implementation = (request: Message, context: HandlerContext) => serve(request as never, enter(context));
      router.rpc(bound.method as DescMethod, implementation as never);
    }
  };
}

function enter(context: HandlerContext): Incoming {
  const passage = context.values.get(passageKey) ?? { requestId: crypto.randomUUID(), json: false, reached: true };
  passage.reached = true;
  const { requestId } = passage;
  context.responseHeader.set("x-request-id", requestId);
  return {
    protocol: context.protocolName,
    requestId,
    timeoutMs: context.timeoutMs(),
    controller: controllerOf(context.signal),
    header: (name) => context.requestHeader.get(name) ?? undefined,
  };
}

/** Ends with the library's signal, for a reason that programs can act on. */
function controllerOf(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  const abort = (): void => {
    const { reason } = signal;
    if (!(reason instanceof ConnectError)) controller.abort(cancelled());
    else controller.abort(hasReason(reason) ? reason : readingFault(reason));
  };
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return controller;
}
