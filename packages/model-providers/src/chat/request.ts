import type { ModelRequest } from "@stigmer/gateway/port";
import { type Call, conversation, type File, type Text, type Thought, type Turn } from "../conversation.ts";
import type { Asking } from "../dialect.ts";
import type { JsonObject } from "../json-value.ts";
import { inWords, isClosed, outputSchema } from "../output-schema.ts";
import { toolSchema } from "../tool-schema.ts";
import { chatOptions } from "./options.ts";

/**
 * The body of a chat completion. The wire has no mark for a tool's failure, so its text says "error: " first, and none
 * for a tool's images, so they follow as if the user had sent them.
 */
export function chatRequest(request: ModelRequest, asking: Asking & { readonly official: boolean }): JsonObject {
  const { model, messages, tools, options } = request;
  const { format, words } = formatOf(request, asking.official);
  const turns = conversation(messages, { ...asking, takes: ["image", "pdf"] });
  return {
    model,
    messages: [...turns.flatMap(wireMessages), ...(words ? [{ role: "system", content: words }] : [])],
    ...(tools.length > 0 && {
      tools: tools.map((tool, index) => {
        const { name, description } = tool;
        const parameters = toolSchema(tool, index);
        return { type: "function", function: { name, ...(description && { description }), parameters } };
      }),
    }),
    ...format,
    ...chatOptions(options, { model, official: asking.official }),
    stream: asking.stream,
    ...(asking.stream && { stream_options: { include_usage: true } }),
  };
}

// Servers that run models themselves hold every answer to the schema, so that none calls a tool any more.
function formatOf(
  { outputSchema: text, tools }: ModelRequest,
  official: boolean,
): { format?: JsonObject; words?: string } {
  const schema = outputSchema(text);
  if (!schema) return {};
  if (!official && tools.length > 0) return { words: inWords(schema) };
  const json_schema = { name: "answer", schema, strict: isClosed(schema, "all") };
  return { format: { response_format: { type: "json_schema", json_schema } } };
}

function wireMessages(turn: Turn): JsonObject[] {
  switch (turn.role) {
    case "system":
      return [{ role: "system", content: turn.text }];
    case "user":
      return [{ role: "user", content: contentOf(turn.parts) }];
    case "assistant":
      return [assistant(turn.parts, turn.current)];
    case "tool": {
      const answers = turn.results.map(({ id, text, isError }) => {
        return { role: "tool", tool_call_id: id, content: isError ? `error: ${text}` : text };
      });
      const shown = turn.results.flatMap(({ id, files }) => {
        return files.length > 0 ? [{ kind: "text" as const, text: `Returned by the tool call ${id}:` }, ...files] : [];
      });
      return shown.length > 0 ? [...answers, { role: "user", content: contentOf(shown) }] : answers;
    }
  }
}

function contentOf(parts: readonly (Text | File)[]): string | JsonObject[] {
  const texts = parts.flatMap((part) => (part.kind === "text" ? [part.text] : []));
  if (texts.length === parts.length) return texts.join("\n");
  return parts.map((part): JsonObject => {
    if (part.kind === "text") return { type: "text", text: part.text };
    const url = `data:${part.mediaType};base64,${part.base64}`;
    if (part.kind === "image") return { type: "image_url", image_url: { url } };
    return { type: "file", file: { filename: part.name, file_data: url } };
  });
}

function assistant(parts: readonly (Text | Thought | Call)[], current: boolean): JsonObject {
  const calls = parts.filter((part) => part.kind === "call");
  const content = parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n");
  return {
    role: "assistant",
    content: calls.length > 0 ? content || null : content,
    ...(current && reasoning(parts)),
    ...(calls.length > 0 && { tool_calls: calls.map(wireCall) }),
  };
}

// Models that show their thoughts want them back until the user speaks again, and some refuse older ones.
function reasoning(parts: readonly (Text | Thought | Call)[]): JsonObject {
  const thoughts = parts.flatMap((part) =>
    part.kind === "thought" && part.thinking.signature === "" ? [part.thinking.text] : [],
  );
  return thoughts.length > 0 ? { reasoning_content: thoughts.join("\n") } : {};
}

function wireCall({ id, name, arguments: text }: Call): JsonObject {
  return { id, type: "function", function: { name, arguments: text } };
}
