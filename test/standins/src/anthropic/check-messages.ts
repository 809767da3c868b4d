import { isObject, type Json, objects, strangeKey } from "../json.ts";
import type { Refusal } from "../vendor.ts";
import { badPairs } from "./check-pairs.ts";

const KNOWN = [
  ...["model", "max_tokens", "messages", "system", "tools", "tool_choice", "temperature", "thinking", "output_config"],
  ...["stream", "stop_sequences", "top_p", "top_k", "metadata", "service_tier"],
];
const MOST_MARKS = 4;

/** What Anthropic would refuse in a request for a message, in its words. */
export function messagesComplaint(
  body: Json,
  headers: Readonly<Record<string, string | undefined>>,
): Refusal | undefined {
  const { model, max_tokens: most, messages } = body;
  if (headers["anthropic-version"] === undefined) return bad("anthropic-version: header is required");
  const strange = strangeKey(body, KNOWN);
  if (strange) return bad(`${strange}: Extra inputs are not permitted`);
  if (typeof model !== "string") return bad("model: Field required");
  if (most === undefined) return bad("max_tokens: Field required");
  if (!Number.isInteger(most) || Number(most) < 1) return bad("max_tokens: Input should be greater than or equal to 1");
  if (!Array.isArray(messages) || messages.length === 0) return bad("messages: at least one message is required");
  return (
    first(messages.map((message, index) => badMessage(message, `messages.${index}`))) ??
    badPairs(objects(messages)) ??
    badMarks(body) ??
    first(objects(body.system).map((block, index) => badText(block, `system.${index}`))) ??
    first(objects(body.tools).map((tool, index) => badTool(tool, `tools.${index}.custom`))) ??
    badThinking(body) ??
    badOutput(body.output_config)
  );
}

function bad(message: string): Refusal {
  return { status: 400, message };
}

function badMessage(message: unknown, at: string): Refusal | undefined {
  if (!isObject(message)) return bad(`${at}: Input should be a valid dictionary`);
  const { role, content } = message;
  if (role !== "user" && role !== "assistant") return bad(`${at}.role: Input should be 'user' or 'assistant'`);
  if (typeof content === "string")
    return content === "" ? bad(`${at}: user messages must have non-empty content`) : undefined;
  if (!Array.isArray(content) || content.length === 0) return bad(`${at}: all messages must have non-empty content`);
  return first(content.map((block, i) => badBlock(block, role, `${at}.content.${i}`)));
}

const BLOCKS = {
  user: ["text", "image", "document", "tool_result"],
  assistant: ["text", "thinking", "redacted_thinking", "tool_use"],
};

function badBlock(block: unknown, role: "user" | "assistant", at: string): Refusal | undefined {
  if (!isObject(block) || !BLOCKS[role].includes(String(block.type))) {
    return bad(`${at}: Input tag '${isObject(block) ? block.type : block}' found using 'type' does not match`);
  }
  switch (block.type) {
    case "text":
      return badText(block, at);
    case "thinking":
      if (block.cache_control) return bad(`${at}.thinking.cache_control: Extra inputs are not permitted`);
      if (typeof block.thinking !== "string") return bad(`${at}.thinking.thinking: Field required`);
      return /^sig_/.test(String(block.signature))
        ? undefined
        : bad(`${at}: Invalid \`signature\` in \`thinking\` block`);
    case "redacted_thinking":
      return typeof block.data === "string" ? undefined : bad(`${at}.redacted_thinking.data: Field required`);
    case "tool_use":
      if (!/^[A-Za-z0-9_-]+$/.test(String(block.id))) return bad(`${at}.tool_use.id: String should match pattern`);
      return isObject(block.input) ? undefined : bad(`${at}.tool_use.input: Input should be a valid dictionary`);
    case "tool_result":
      return first(objects(block.content).map((inner, i) => badBlock(inner, "user", `${at}.content.${i}`)));
    default:
      return badSource(block.source, at);
  }
}

function badText({ text }: Json, at: string): Refusal | undefined {
  if (typeof text !== "string") return bad(`${at}.text.text: Field required`);
  return text.trim() === "" ? bad(`messages: text content blocks must contain non-whitespace text`) : undefined;
}

const MEDIA = ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"];

function badSource(source: unknown, at: string): Refusal | undefined {
  if (!isObject(source) || source.type !== "base64" || !MEDIA.includes(String(source.media_type))) {
    return bad(`${at}.source.base64.media_type: Input should be ${MEDIA.join(", ")}`);
  }
  return /^[A-Za-z0-9+/]+=*$/.test(String(source.data)) ? undefined : bad(`${at}.source.base64: invalid base64 data`);
}

function badMarks({ system, tools, messages }: Json): Refusal | undefined {
  const inMessages = objects(messages).flatMap(({ content }) => objects(content));
  const marks = [...objects(system), ...objects(tools), ...inMessages].filter((block) => block.cache_control);
  if (marks.length <= MOST_MARKS) return undefined;
  return bad(`A maximum of ${MOST_MARKS} blocks with cache_control may be provided. Found ${marks.length}.`);
}

function badTool({ name, input_schema }: Json, at: string): Refusal | undefined {
  if (!/^[a-zA-Z0-9_-]{1,128}$/.test(String(name))) return bad(`${at}.name: String should match pattern`);
  if (!isObject(input_schema)) return bad(`${at}.input_schema: Field required`);
  return input_schema.type === "object" ? undefined : bad(`${at}.input_schema.type: Input should be 'object'`);
}

function badThinking({ thinking, temperature, max_tokens }: Json): Refusal | undefined {
  const isWarm =
    temperature !== undefined && !(typeof temperature === "number" && temperature >= 0 && temperature <= 1);
  if (isWarm) return bad("temperature: range: 0..1");
  if (thinking === undefined) return undefined;
  const { type, budget_tokens: budget } = isObject(thinking) ? thinking : {};
  if (type === "disabled") return undefined;
  if (temperature !== undefined) return bad("`temperature` may only be set to 1 when thinking is enabled.");
  if (type === "adaptive") return undefined;
  if (type !== "enabled") return bad(`thinking: Input tag '${type}' found using 'type' does not match`);
  if (!Number.isInteger(budget) || Number(budget) < 1024)
    return bad("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
  return Number(budget) < Number(max_tokens)
    ? undefined
    : bad("`max_tokens` must be greater than `thinking.budget_tokens`.");
}

function badOutput(config: unknown): Refusal | undefined {
  if (config === undefined) return undefined;
  const { effort, format } = isObject(config) ? config : {};
  if (effort !== undefined && !["low", "medium", "high", "xhigh", "max"].includes(String(effort))) {
    return bad("output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'");
  }
  if (format === undefined) return undefined;
  if (!isObject(format) || format.type !== "json_schema" || !isObject(format.schema)) {
    return bad("output_config.format.schema: Field required");
  }
  const open = format.schema.type === "object" && format.schema.additionalProperties !== false;
  return open
    ? bad("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false")
    : undefined;
}

function first(complaints: readonly (Refusal | undefined)[]): Refusal | undefined {
  return complaints.find((complaint) => complaint !== undefined);
}
