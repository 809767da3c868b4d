import type { Thinking } from "@stigmer/contracts/agentic";
import type { ModelRequest } from "@stigmer/gateway/port";
import {
  type Call,
  conversation,
  type File,
  type Result,
  type Text,
  type Thought,
  type Turn,
} from "../conversation.ts";
import type { Asking } from "../dialect.ts";
import type { JsonObject } from "../json-value.ts";
import { inWords, outputSchema } from "../output-schema.ts";
import { toolSchema } from "../tool-schema.ts";
import { holdsTo, messagesOptions } from "./options.ts";

type Wire = { readonly role: "user" | "assistant"; readonly content: readonly JsonObject[] };

const CACHED = { cache_control: { type: "ephemeral" } };

/**
 * The body of a message. Turns of one side are one message, as results must come right after their calls. The end of
 * what stays the same is marked for the provider's cache: the tools and instructions, and the last two words of the user.
 */
export function messagesRequest(request: ModelRequest, asking: Asking): JsonObject {
  const { model, options } = request;
  const schema = outputSchema(request.outputSchema);
  const held = schema && holdsTo(model, schema) ? schema : undefined;
  const turns = conversation(request.messages, { ...asking, takes: ["image", "pdf"] });
  const words = schema && !held ? [inWords(schema)] : [];
  const instructions = [...turns.flatMap((turn) => (turn.role === "system" ? [turn.text] : [])), ...words];
  const system = instructions.filter(isSaid).map((text) => ({ type: "text", text }));
  const tools = request.tools.map((tool, index) => {
    const { name, description } = tool;
    return { name, ...(description && { description }), input_schema: toolSchema(tool, index) };
  });
  return {
    model,
    ...(tools.length > 0 && { tools: system.length > 0 ? tools : markedLast(tools) }),
    ...(system.length > 0 && { system: markedLast(system) }),
    messages: marked(joined(turns.flatMap(wireMessage))),
    ...messagesOptions({ model, options, schema: held }),
    stream: asking.stream,
  };
}

function wireMessage(turn: Turn): Wire[] {
  switch (turn.role) {
    case "system":
      return [];
    case "user":
      return [{ role: "user", content: turn.parts.flatMap(inputBlock) }];
    case "assistant":
      return [{ role: "assistant", content: turn.parts.flatMap(answerBlock) }];
    case "tool":
      return [{ role: "user", content: turn.results.map(resultBlock) }];
  }
}

function inputBlock(part: Text | File): JsonObject[] {
  if (part.kind === "text") return textBlock(part.text);
  const source = { type: "base64", media_type: part.mediaType, data: part.base64 };
  if (part.kind === "image") return [{ type: "image", source }];
  return [{ type: "document", source, title: part.name }];
}

function answerBlock(part: Text | Thought | Call): JsonObject[] {
  switch (part.kind) {
    case "text":
      return textBlock(part.text);
    case "thought":
      return thoughtBlock(part.thinking);
    case "call":
      return [{ type: "tool_use", id: part.id, name: part.name, input: part.input }];
  }
}

function thoughtBlock({ text, signature, redacted }: Thinking): JsonObject[] {
  if (signature === "") return [];
  if (redacted) return [{ type: "redacted_thinking", data: signature }];
  return [{ type: "thinking", thinking: text, signature }];
}

function resultBlock({ id, text, isError, files }: Result): JsonObject {
  const content = [...textBlock(text), ...files.flatMap(inputBlock)];
  return {
    type: "tool_result",
    tool_use_id: id,
    ...(content.length > 0 && { content }),
    ...(isError && { is_error: true }),
  };
}

// Text of nothing but space is refused.
function textBlock(text: string): JsonObject[] {
  return isSaid(text) ? [{ type: "text", text }] : [];
}

function isSaid(text: string): boolean {
  return text.trim() !== "";
}

function joined(messages: readonly Wire[]): Wire[] {
  const all: Wire[] = [];
  for (const message of messages.filter(({ content }) => content.length > 0)) {
    const last = all.at(-1);
    if (last?.role !== message.role) all.push(message);
    else all[all.length - 1] = { ...last, content: [...last.content, ...message.content] };
  }
  return all;
}

/** Caches that end with the user's words; with that of the instructions, fewer than the four that are allowed. */
const MARKED_MESSAGES = 2;

function marked(messages: readonly Wire[]): Wire[] {
  const users = messages.flatMap(({ role }, index) => (role === "user" ? [index] : [])).slice(-MARKED_MESSAGES);
  return messages.map((message, index) =>
    users.includes(index) ? { ...message, content: markedLast(message.content) } : message,
  );
}

function markedLast(blocks: readonly JsonObject[]): JsonObject[] {
  return blocks.map((block, index) => (index === blocks.length - 1 ? { ...block, ...CACHED } : block));
}
