import type { Client, JSONRPCMessage } from "@modelcontextprotocol/client";

/**
 * Takes a result of the newer protocol that does not say of which kind it is for a complete one, as the protocol has clients do. To
 * be called once the client is connected.
 */
export function acceptUntypedResults(client: Client): void {
  const { transport } = client;
  const hand = transport?.onmessage;
  if (!transport || !hand || client.getProtocolEra() !== "modern") return;
  transport.onmessage = (message, extra) => hand(typed(message), extra);
}

function typed<T extends JSONRPCMessage>(message: T): T {
  if (!("result" in message) || "resultType" in message.result) return message;
  return { ...message, result: { ...message.result, resultType: "complete" } };
}
