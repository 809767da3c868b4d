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
import { isObject, type JsonObject, parseJson, stringOf } from "../json-value.ts";
import { effortOf, isReasoning } from "../openai-models.ts";
import { isClosed, outputSchema } from "../output-schema.ts";
import { toolSchema } from "../tool-schema.ts";

/** The body of a response. Nothing is kept at the provider: thoughts come back sealed, and go along with the next request. */
export function responsesRequest(request: ModelRequest, asking: Asking & { readonly official: boolean }): JsonObject {
  const { model, messages, tools } = request;
  const turns = conversation(messages, { ...asking, takes: ["image", "pdf"] });
  return {
    model,
    input: turns.flatMap(wireItems),
    ...(tools.length > 0 && {
      tools: tools.map((tool, index) => {
        const { name, description } = tool;
        const parameters = toolSchema(tool, index);
        return { type: "function", name, ...(description && { description }), parameters, strict: false };
      }),
    }),
    ...formatOf(request),
    ...optionsOf(request, asking.official),
    store: false,
    stream: asking.stream,
  };
}

function formatOf({ outputSchema: text }: ModelRequest): JsonObject {
  const schema = outputSchema(text);
  const format = { type: "json_schema", name: "answer", schema, strict: isClosed(schema, "all") };
  return schema ? { text: { format } } : {};
}

/** Fewer are refused. */
const LEAST_OUTPUT_TOKENS = 16;

function optionsOf({ model, options }: ModelRequest, official: boolean): JsonObject {
  const thinks = !official || isReasoning(model);
  const effort = thinks ? effortOf(options, model) : undefined;
  const most = Number(options?.maxOutputTokens ?? 0n);
  const temperature = official && thinks ? undefined : options?.temperature;
  return {
    ...(official && thinks && { include: ["reasoning.encrypted_content"] }),
    ...(effort !== undefined && { reasoning: { effort } }),
    ...(temperature !== undefined && { temperature }),
    ...(most > 0 && { max_output_tokens: Math.max(most, LEAST_OUTPUT_TOKENS) }),
  };
}

function wireItems(turn: Turn): JsonObject[] {
  switch (turn.role) {
    case "system":
      return [{ role: "system", content: turn.text }];
    case "user":
      return [{ role: "user", content: contentOf(turn.parts) }];
    case "assistant":
      return turn.parts.flatMap(assistantItem);
    case "tool":
      return turn.results.map(output);
  }
}

function contentOf(parts: readonly (Text | File)[]): string | JsonObject[] {
  const texts = parts.flatMap((part) => (part.kind === "text" ? [part.text] : []));
  return texts.length === parts.length ? texts.join("\n") : parts.map(inputPart);
}

function inputPart(part: Text | File): JsonObject {
  if (part.kind === "text") return { type: "input_text", text: part.text };
  const url = `data:${part.mediaType};base64,${part.base64}`;
  if (part.kind === "image") return { type: "input_image", image_url: url, detail: "auto" };
  return { type: "input_file", filename: part.name, file_data: url };
}

function assistantItem(part: Text | Thought | Call): JsonObject[] {
  switch (part.kind) {
    case "text":
      return part.text ? [{ role: "assistant", content: part.text }] : [];
    case "thought":
      return reasoningItem(part.thinking);
    case "call":
      return [{ type: "function_call", call_id: part.id, name: part.name, arguments: part.arguments }];
  }
}

// Thoughts that another of the provider's APIs gave have no id here.
function reasoningItem({ text, signature }: Thinking): JsonObject[] {
  const sealed = parseJson(signature);
  if (!isObject(sealed) || stringOf(sealed.id) === "") return [];
  const summary = text ? [{ type: "summary_text", text }] : [];
  return [{ type: "reasoning", id: sealed.id, summary, encrypted_content: stringOf(sealed.encrypted_content) }];
}

function output({ id, text, isError, files }: Result): JsonObject {
  const said = isError ? `error: ${text}` : text;
  const parts = [{ kind: "text" as const, text: said }, ...files];
  return { type: "function_call_output", call_id: id, output: files.length > 0 ? parts.map(inputPart) : said };
}
