import type { ChatMessage } from "./script.ts";

export type ChatBody = {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
};

export type Complaint = { readonly message: string; readonly param: string | null };

/** What OpenAI would refuse in a chat request, in its words. */
export function complaintOf(value: unknown): Complaint | undefined {
  if (typeof value !== "object" || value === null) return { message: "We could not parse the JSON body", param: null };
  const body = value as Partial<ChatBody>;
  if (typeof body.model !== "string") return { message: "you must provide a model parameter", param: null };
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    return { message: "Invalid 'messages': empty array.", param: "messages" };
  }
  if (body.tools?.length === 0) return { message: "[] is too short - 'tools'", param: "tools" };
  if (body.stream_options && !body.stream) {
    return {
      message: "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      param: "stream_options",
    };
  }
  return unpaired(body.messages);
}

// Each tool call is answered right after the message that makes it, and nothing else is.
function unpaired(messages: readonly ChatMessage[]): Complaint | undefined {
  let open = new Set<unknown>();
  for (const [index, message] of messages.entries()) {
    if (message.role === "tool") {
      if (open.delete(message.tool_call_id)) continue;
      const problem = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
      return { message: `Invalid parameter: ${problem}`, param: `messages.[${index}].role` };
    }
    if (open.size > 0) return unanswered(open, index);
    open = new Set(message.role === "assistant" ? message.tool_calls?.map(({ id }) => id) : []);
  }
  return open.size > 0 ? unanswered(open, messages.length) : undefined;
}

function unanswered(open: ReadonlySet<unknown>, index: number): Complaint {
  const rule =
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.";
  const missing = `The following tool_call_ids did not have response messages: ${[...open].join(", ")}`;
  return { message: `${rule} ${missing}`, param: `messages.[${index}].role` };
}
