import { AsyncLocalStorage } from "node:async_hooks";
import type { Client, RequestId, Transport } from "@modelcontextprotocol/client";
import { Failure } from "@stigmer/sdk";

/** Who makes a call notes here under which id it is sent. */
type Sending = AsyncLocalStorage<{ id?: RequestId }>;

/** Notes the ids of tool calls in the stores of their callers. */
export function noteCallIds(transport: Transport): Sending {
  const sending: Sending = new AsyncLocalStorage();
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    const store = sending.getStore();
    if (store && "method" in message && message.method === "tools/call" && "id" in message) store.id = message.id;
    return send(message, options);
  };
  return sending;
}

type Stopping = { readonly sending: Sending; readonly stop: AbortSignal; readonly stopPatienceMs: number };

/** Makes a call that can be asked to stop: the server is told, and has a while to answer before the call is given up. */
export async function stoppably<T>(
  client: Client,
  { sending, stop, stopPatienceMs }: Stopping,
  make: (given: AbortSignal) => Promise<T>,
): Promise<T> {
  const given = new AbortController();
  const sent: { id?: RequestId } = {};
  const giveUp = (): void => given.abort(new Error("the call was cancelled"));
  let patience: NodeJS.Timeout | undefined;
  const ask = (): void => {
    // In the newer protocol over HTTP a request is cancelled by closing its stream, on which the answer would come.
    const isByClosing = client.getProtocolEra() === "modern" && client.transport?.hasPerRequestStream === true;
    if (sent.id === undefined || isByClosing) {
      giveUp();
      return;
    }
    patience = setTimeout(giveUp, stopPatienceMs);
    const params = { requestId: sent.id, reason: "the call was cancelled" };
    // A server that can't be told has died, which ends the call.
    client.notification({ method: "notifications/cancelled", params }).catch(() => {});
  };
  stop.addEventListener("abort", ask, { once: true });
  try {
    return await sending.run(sent, () => make(given.signal));
  } catch (error) {
    if (!given.signal.aborted) throw error;
    const message = "the call was cancelled, and the tool did not say what became of it";
    throw new Failure("CANCELLED", message, { notStarted: sent.id === undefined });
  } finally {
    clearTimeout(patience);
    stop.removeEventListener("abort", ask);
  }
}
