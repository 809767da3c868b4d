import { type Client, ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/client";
import { questionOf, resultOf } from "./elicitation.ts";
import type { Masker } from "./masker.ts";
import type { Calls } from "./running-call.ts";

/**
 * Answers what a server of the older protocol asks of its own accord. A question that comes on no call's own stream is taken for one
 * of the newest call, and the time of every other stands still as well. Models and folders are not offered, which the capabilities
 * say.
 */
export function answerServer(client: Client, { current, running }: Calls): void {
  client.setRequestHandler("elicitation/create", async ({ params }, { mcpReq }) => {
    const known = current.getStore();
    const call = known ?? [...running].at(-1);
    if (!call) throw nobodyToAsk();
    const question = questionOf(params);
    const goOn = known ? [] : [...running].map((other) => other.pause());
    try {
      return resultOf(question, await call.ask(question, mcpReq.signal));
    } finally {
      for (const resume of goOn) resume();
    }
  });
}

function nobodyToAsk(): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidRequest, "no call runs in which the user could be asked");
}

/** Hands on what a server tells its log by the protocol. */
export function followLog(client: Client, masker: Masker, onLog: (line: string) => void): void {
  client.setNotificationHandler("notifications/message", ({ params: { level, logger, data } }) => {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    onLog(masker.mask([level, logger, text].filter(Boolean).join(" ")));
  });
}
