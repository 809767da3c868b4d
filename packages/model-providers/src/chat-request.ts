import { invalid, type Violation } from "@stigmer/base";
import { type Message, Role, type ToolCall } from "@stigmer/contracts/agentic";
import type { ToolSpec } from "@stigmer/contracts/gateway";
import type { ModelRequest } from "@stigmer/gateway/port";
import { isObject, type JsonObject, parseJson } from "./json-value.ts";

type Part = Message["parts"][number]["part"];

/**
 * The body of a streamed chat completion. Refuses a message whose parts its role cannot have, and a tool whose schema
 * is not a JSON object. The wire has no mark for a tool's failure, so its text says "error: " first.
 */
export function chatRequest({ model, messages, tools }: ModelRequest): JsonObject {
  return {
    model,
    messages: messages.flatMap(wireMessages),
    ...(tools.length > 0 && { tools: tools.map(wireTool) }),
    stream: true,
    stream_options: { include_usage: true },
  };
}

function wireMessages(message: Message, index: number): JsonObject[] {
  const parts = message.parts.map(({ part }) => part);
  const at = `messages[${index}]`;
  switch (message.role) {
    case Role.SYSTEM:
      return [{ role: "system", content: textOf(parts, at) }];
    case Role.USER:
      return [{ role: "user", content: textOf(parts, at) }];
    case Role.ASSISTANT:
      return [assistant(parts, at)];
    case Role.TOOL:
      return parts.map((part, i) => toolAnswer(part, `${at}.parts[${i}]`));
    default:
      throw wrong({ field: `${at}.role`, description: "is not a role that a model knows" });
  }
}

function assistant(parts: readonly Part[], at: string): JsonObject {
  const calls = parts.flatMap((part) => (part.case === "toolCall" ? [part.value] : []));
  const rest = parts.filter((part) => part.case !== "toolCall");
  const content = textOf(rest, at);
  return calls.length > 0
    ? { role: "assistant", content: content || null, tool_calls: calls.map(wireCall) }
    : { role: "assistant", content };
}

function wireCall({ id, name, arguments: text }: ToolCall): JsonObject {
  return { id, type: "function", function: { name, arguments: sendable(text) } };
}

// Several servers parse the arguments of earlier calls and refuse the whole conversation where one is not an object.
function sendable(text: string): string {
  if (isObject(parseJson(text))) return text;
  return text.trim() === "" ? "{}" : JSON.stringify({ malformed_arguments: text });
}

function toolAnswer(part: Part, at: string): JsonObject {
  if (part.case !== "toolResult") throw wrong({ field: at, description: "a tool's message holds results only" });
  const { callId, content, isError } = part.value;
  return { role: "tool", tool_call_id: callId, content: isError ? `error: ${content}` : content };
}

function textOf(parts: readonly Part[], at: string): string {
  return parts
    .map((part, i) => {
      if (part.case === "text") return part.value;
      throw wrong({ field: `${at}.parts[${i}]`, description: "this role cannot say that" });
    })
    .join("\n");
}

function wireTool({ name, description, inputSchema }: ToolSpec, index: number): JsonObject {
  const parameters = inputSchema === "" ? { type: "object", properties: {} } : parseJson(inputSchema);
  if (!isObject(parameters)) {
    throw wrong({ field: `tools[${index}].input_schema`, description: "is not a JSON schema object" });
  }
  return { type: "function", function: { name, ...(description && { description }), parameters } };
}

function wrong(violation: Violation): Error {
  return invalid([violation]);
}
