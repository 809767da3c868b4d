import { type ModelOptions, ThinkingEffort } from "@stigmer/contracts/agentic";
import type { ModelRequest } from "@stigmer/gateway/port";
import { type Call, conversation, type File, type Text, type Thought, type Turn } from "../conversation.ts";
import type { Asking } from "../dialect.ts";
import type { JsonObject } from "../json-value.ts";
import { inWords, outputSchema } from "../output-schema.ts";
import { toolSchema } from "../tool-schema.ts";
import { contextFor } from "./context.ts";

/**
 * The body of Ollama's own chat. It must not shorten the conversation in silence, which is its default, and gets as much
 * context as the request needs. A schema would keep it from calling tools, so where there are any it is told in words.
 */
export function ollamaRequest(request: ModelRequest, asking: Asking): JsonObject {
  const { model, tools, options } = request;
  const schema = outputSchema(request.outputSchema);
  const turns = conversation(request.messages, { ...asking, takes: ["image"] });
  const words = schema && tools.length > 0 ? [{ role: "system", content: inWords(schema) }] : [];
  const messages = [...turns.flatMap(wireMessages), ...words];
  const said = {
    messages,
    ...(tools.length > 0 && {
      tools: tools.map((tool, index) => {
        const { name, description } = tool;
        const parameters = toolSchema(tool, index);
        return { type: "function", function: { name, ...(description && { description }), parameters } };
      }),
    }),
    ...(schema && tools.length === 0 && { format: schema }),
  };
  return {
    model,
    ...said,
    ...thinkOf(options, model),
    truncate: false,
    shift: false,
    options: optionsOf(options, contextFor(said, { options, contextWindow: asking.contextWindow })),
    stream: asking.stream,
  };
}

function optionsOf(options: ModelOptions | undefined, num_ctx: number): JsonObject {
  const most = Number(options?.maxOutputTokens ?? 0n);
  return {
    num_ctx,
    ...(options?.temperature !== undefined && { temperature: options.temperature }),
    ...(most > 0 && { num_predict: most }),
  };
}

// Only some models know how hard; the others only whether.
function thinkOf(options: ModelOptions | undefined, model: string): JsonObject {
  const words = new Map([
    [ThinkingEffort.LOW, "low"],
    [ThinkingEffort.MEDIUM, "medium"],
    [ThinkingEffort.HIGH, "high"],
  ]);
  const { thinking = ThinkingEffort.UNSPECIFIED } = options ?? {};
  if (thinking === ThinkingEffort.UNSPECIFIED) return {};
  const graded = /(^|\/)gpt-oss/.test(model);
  return { think: graded ? (words.get(thinking) ?? "low") : thinking !== ThinkingEffort.NONE };
}

function wireMessages(turn: Turn): JsonObject[] {
  switch (turn.role) {
    case "system":
      return [{ role: "system", content: turn.text }];
    case "user":
      return [{ role: "user", ...contentOf(turn.parts) }];
    case "assistant":
      return [assistant(turn.parts, turn.current)];
    case "tool":
      return turn.results.map(({ id, name, text, isError, files }) => ({
        role: "tool",
        tool_call_id: id,
        ...(name && { tool_name: name }),
        ...contentOf([{ kind: "text", text: isError ? `error: ${text}` : text }, ...files]),
      }));
  }
}

function contentOf(parts: readonly (Text | File)[]): JsonObject {
  const images = parts.flatMap((part) => (part.kind === "text" ? [] : [part.base64]));
  const content = parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n");
  return { content, ...(images.length > 0 && { images }) };
}

function assistant(parts: readonly (Text | Thought | Call)[], current: boolean): JsonObject {
  const calls = parts.filter((part) => part.kind === "call");
  const thoughts = parts.flatMap((part) => (part.kind === "thought" && current ? [part.thinking.text] : []));
  return {
    role: "assistant",
    content: parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n"),
    ...(thoughts.length > 0 && { thinking: thoughts.join("\n") }),
    ...(calls.length > 0 && { tool_calls: calls.map(wireCall) }),
  };
}

function wireCall({ id, name, input }: Call, index: number): JsonObject {
  return { id, function: { index, name, arguments: input } };
}
