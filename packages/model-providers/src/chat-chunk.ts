import { messageIn } from "./error-detail.ts";
import { isObject, type JsonObject } from "./json-value.ts";
import { Trouble } from "./trouble.ts";

/** What one chunk of an answer adds. A whole answer is read as one chunk. */
export type Chunk = {
  readonly model: string;
  readonly text: string;
  readonly calls: readonly CallFragment[];
  readonly finish: string | undefined;
  readonly usage: TokenCount | undefined;
};

/** A piece of a tool call; what it does not say is empty. */
export type CallFragment = {
  readonly index: number | undefined;
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
};

export type TokenCount = { readonly input: bigint; readonly output: bigint; readonly cached: bigint };

/** Reads a chunk of a stream, or a whole answer. Throws `Trouble` where it is an error object or no chunk at all. */
export function parseChunk(value: unknown): Chunk {
  if (!isObject(value)) throw new Trouble("it sent what is not a chunk of an answer");
  if (value.error) throw new Trouble(`it failed while it answered: ${messageIn(value) ?? "it does not say why"}`);
  const choices = Array.isArray(value.choices) ? value.choices.filter(isObject) : [];
  // Only one choice is asked for; others are a server's own idea.
  const choice = choices.find(({ index }) => (index ?? 0) === 0);
  const delta = objectOf(choice?.delta ?? choice?.message);
  return {
    model: stringOf(value.model),
    text: textOf(delta.content) || stringOf(delta.refusal),
    calls: Array.isArray(delta.tool_calls) ? delta.tool_calls.filter(isObject).map(fragmentOf) : [],
    finish: stringOf(choice?.finish_reason) || undefined,
    usage: isObject(value.usage) ? countOf(value.usage) : undefined,
  };
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return stringOf(content);
  return content
    .filter(isObject)
    .map(({ text }) => stringOf(text))
    .join("");
}

function fragmentOf(call: JsonObject): CallFragment {
  const named = objectOf(call.function);
  const { index } = call;
  return {
    index: typeof index === "number" && Number.isSafeInteger(index) && index >= 0 ? index : undefined,
    id: stringOf(call.id),
    name: stringOf(named.name),
    arguments: argumentsOf(named.arguments),
  };
}

// Some servers send the arguments as an object instead of JSON in a string.
function argumentsOf(value: unknown): string {
  if (!isObject(value)) return stringOf(value);
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new Trouble("it sent arguments that are nested too deep", { cause });
  }
}

function countOf(usage: JsonObject): TokenCount {
  return {
    input: tokens(usage.prompt_tokens),
    output: tokens(usage.completion_tokens),
    cached: tokens(objectOf(usage.prompt_tokens_details).cached_tokens),
  };
}

function tokens(value: unknown): bigint {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? BigInt(value) : 0n;
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
