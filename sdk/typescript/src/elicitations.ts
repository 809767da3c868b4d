import { ElicitationAction, type ElicitationAnswer, type RunningCall } from "@stigmer/contracts/agentic";
import { Failure } from "./failure.ts";
import type { Link, Outgoing } from "./link.ts";
import type { ToolQuestion, ToolReply } from "./tool-host.ts";

/** What tool servers ask the user in the middle of calls. */
export interface Elicitations {
  /** Asks, and asks again after a reconnect, until there is an answer or the signal is aborted. */
  ask(call: RunningCall, question: ToolQuestion, signal: AbortSignal): Promise<ToolReply>;
  answer(answer: ElicitationAnswer): void;
  /** Sends again what has no answer. */
  resend(): void;
}

type Pending = { readonly message: Outgoing; readonly settle: (reply: ToolReply) => void };

// Enough for any number of people; a reconnect sends them all.
const MOST_PENDING = 1_000;
const LONGEST_MESSAGE = 16_384;
const LONGEST_SCHEMA = 65_536;
const LONGEST_URL = 2_048;

export function createElicitations(link: Link): Elicitations {
  const pending = new Map<string, Pending>();
  let count = 0;
  return {
    async ask(call, question, signal) {
      signal.throwIfAborted();
      if (pending.size >= MOST_PENDING) throw new Failure("LIMIT_REACHED", `${MOST_PENDING} questions wait already`);
      const elicitationId = `q${++count}`;
      const message = messageOf(call, elicitationId, question);
      const key = keyOf(call, elicitationId);
      const answered = Promise.withResolvers<ToolReply>();
      const stop = (): void => answered.reject(signal.reason);
      signal.addEventListener("abort", stop);
      pending.set(key, { message, settle: answered.resolve });
      link.send(message);
      try {
        return await answered.promise;
      } finally {
        pending.delete(key);
        signal.removeEventListener("abort", stop);
      }
    },
    answer({ call, elicitationId, action, content }) {
      if (call) pending.get(keyOf(call, elicitationId))?.settle(replyOf(action, content));
    },
    resend() {
      for (const { message } of pending.values()) link.send(message);
    },
  };
}

/** Refuses what no backend takes: it would break the connection. */
function messageOf(call: RunningCall, elicitationId: string, question: ToolQuestion): Outgoing {
  const [schema, url] = question.kind === "form" ? [question.schema, ""] : ["", question.url];
  if (schema.length > LONGEST_SCHEMA)
    throw new Failure("LIMIT_REACHED", "the form that the server asks for is too long");
  if (url.length > LONGEST_URL) throw new Failure("LIMIT_REACHED", "the URL that the server asks for is too long");
  const message = question.message.slice(0, LONGEST_MESSAGE).toWellFormed();
  return { case: "elicitationAsked", value: { call, elicitationId, message, schema, url } };
}

function replyOf(action: ElicitationAction, content: string): ToolReply {
  if (action === ElicitationAction.ACCEPT) return { action: "accept", content };
  return { action: action === ElicitationAction.DECLINE ? "decline" : "cancel", content: "" };
}

function keyOf({ executionId, stepKey, attempt }: RunningCall, elicitationId: string): string {
  return JSON.stringify([executionId, stepKey, attempt, elicitationId]);
}
