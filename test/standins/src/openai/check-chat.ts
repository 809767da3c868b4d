import { isObject, type Json, objects, strangeKey } from "../json.ts";
import type { Refusal } from "../vendor.ts";
import { bad, badPart, badSchema, badTool } from "./check-parts.ts";

const KNOWN = [
  ...[
    "model",
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "stream",
    "stream_options",
  ],
  ...["temperature", "max_tokens", "max_completion_tokens", "reasoning_effort", "top_p", "stop", "seed", "store"],
];
const ROLES = ["system", "developer", "user", "assistant", "tool"];

/** What OpenAI would refuse in a chat request, in its words. */
export function chatComplaint(body: Json): Refusal | undefined {
  const strange = strangeKey(body, KNOWN);
  if (strange) return bad(`Unrecognized request argument supplied: ${strange}`, null);
  if (typeof body.model !== "string") return bad("you must provide a model parameter", null);
  const { messages } = body;
  if (!Array.isArray(messages) || messages.length === 0) return bad("Invalid 'messages': empty array.", "messages");
  if (Array.isArray(body.tools) && body.tools.length === 0) return bad("[] is too short - 'tools'", "tools");
  if (body.stream_options && !body.stream) {
    return bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options");
  }
  return (
    badNumber(body) ??
    first(messages.map((message, index) => badMessage(message, `messages.[${index}]`))) ??
    unpaired(objects(messages)) ??
    first(objects(body.tools).map(({ type, function: named }, i) => badTool(type, named, `tools[${i}].function`))) ??
    badFormat(body.response_format)
  );
}

function badNumber({ temperature, max_tokens, max_completion_tokens }: Json): Refusal | undefined {
  if (temperature !== undefined && !(typeof temperature === "number" && temperature >= 0 && temperature <= 2)) {
    return bad("Invalid 'temperature': decimal out of range.", "temperature");
  }
  const most = max_completion_tokens ?? max_tokens;
  if (most !== undefined && !(Number.isInteger(most) && Number(most) > 0)) {
    return bad("Invalid 'max_tokens': integer below minimum value.", "max_tokens");
  }
  return undefined;
}

function badMessage(message: unknown, at: string): Refusal | undefined {
  if (!isObject(message)) return bad(`Invalid type for '${at}': expected an object.`, at);
  const { role, content, tool_calls } = message;
  if (!ROLES.includes(String(role)))
    return bad(`Invalid value: '${role}'. Supported values are: ${ROLES}.`, `${at}.role`);
  if (tool_calls !== undefined && (role !== "assistant" || objects(tool_calls).length === 0)) {
    return bad(`Invalid '${at}.tool_calls': empty array.`, `${at}.tool_calls`);
  }
  const badCall = objects(tool_calls).find(({ id, type, function: named }) => {
    const called = isObject(named) && typeof named.name === "string" && typeof named.arguments === "string";
    return typeof id !== "string" || id.length > 40 || type !== "function" || !called;
  });
  if (badCall) return bad(`Invalid '${at}.tool_calls'.`, `${at}.tool_calls`);
  if (Array.isArray(content)) {
    const allowed = role === "user" ? ["text", "image_url", "file"] : ["text"];
    return first(content.map((part, i) => badPart(part, allowed, `${at}.content.[${i}]`)));
  }
  const isEmpty = content === null && role === "assistant" && tool_calls !== undefined;
  if (typeof content === "string" || isEmpty) return undefined;
  return bad(`Invalid value for 'content': expected a string, got null.`, `${at}.content`);
}

function badFormat(format: unknown): Refusal | undefined {
  if (format === undefined) return undefined;
  if (!isObject(format) || format.type !== "json_schema" || !isObject(format.json_schema)) {
    return bad("Invalid value for 'response_format'.", "response_format");
  }
  return badSchema(format.json_schema, "response_format");
}

// Each tool call is answered right after the message that makes it, and nothing else is.
function unpaired(messages: readonly Json[]): Refusal | undefined {
  let open = new Set<unknown>();
  for (const [index, message] of messages.entries()) {
    if (message.role === "tool") {
      if (open.delete(message.tool_call_id)) continue;
      const problem = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
      return bad(`Invalid parameter: ${problem}`, `messages.[${index}].role`);
    }
    if (open.size > 0) return unanswered(open, index);
    open = new Set(message.role === "assistant" ? objects(message.tool_calls).map(({ id }) => id) : []);
  }
  return open.size > 0 ? unanswered(open, messages.length) : undefined;
}

function unanswered(open: ReadonlySet<unknown>, index: number): Refusal {
  const rule =
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.";
  const missing = `The following tool_call_ids did not have response messages: ${[...open].join(", ")}`;
  return bad(`${rule} ${missing}`, `messages.[${index}].role`);
}

function first(complaints: readonly (Refusal | undefined)[]): Refusal | undefined {
  return complaints.find((complaint) => complaint !== undefined);
}
