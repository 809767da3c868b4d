import type { FetchLike } from "@modelcontextprotocol/client";

/** As much of Node's own HTTP dispatcher as is needed to make another like it. */
type Dispatcher = object;
type DispatcherClass = new (options: { readonly headersTimeout: number; readonly bodyTimeout: number }) => Dispatcher;

/** Where Node keeps the dispatcher of its `fetch`, once that was used. */
const GLOBAL_DISPATCHER = Symbol.for("undici.globalDispatcher.1");

/**
 * A `fetch` that waits for a server as long as its caller does. Node's own gives up after five minutes without a byte, which a call
 * that waits for a person is long.
 */
export function createPatientFetch(timeouts = { headersTimeout: 0, bodyTimeout: 0 }): FetchLike {
  let dispatcher: Promise<Dispatcher | undefined> | undefined;
  return async (url, init) => {
    dispatcher ??= openDispatcher(timeouts);
    const patient = { ...init, dispatcher: await dispatcher } as RequestInit;
    return await fetch(url, patient);
  };
}

async function openDispatcher(timeouts: ConstructorParameters<DispatcherClass>[0]): Promise<Dispatcher | undefined> {
  await fetch("data:,");
  const known = (globalThis as Record<symbol, unknown>)[GLOBAL_DISPATCHER];
  if (typeof known !== "object" || known === null) return undefined;
  return new (known.constructor as DispatcherClass)(timeouts);
}
