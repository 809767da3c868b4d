import { FinishReason } from "@stigmer/contracts/agentic";
import { type CallFragment, type Chunk, chunk, type SaidFragment, type TokenCount } from "../answer-chunk.ts";
import {
  argumentsOf,
  isObject,
  type JsonObject,
  objectOf,
  objectsOf,
  placeIn,
  stringOf,
  tokens,
} from "../json-value.ts";
import { streamError } from "../stream-error.ts";
import { Trouble } from "../trouble.ts";

/** Thoughts and text have no number of their own and stand before the calls, which begin at 0. */
const THOUGHT = -2;
const TEXT = -1;

/** Reads a chunk of a stream, or a whole answer. Throws `Trouble` where it is an error object or no chunk at all. */
export function chatChunk(value: unknown): Chunk {
  if (!isObject(value)) throw new Trouble("it sent what is not a chunk of an answer");
  if (value.error) throw streamError(value);
  // Only one choice is asked for; others are a server's own idea.
  const choice = objectsOf(value.choices).find(({ index }) => (index ?? 0) === 0);
  const delta = objectOf(choice?.delta ?? choice?.message);
  return chunk({
    model: stringOf(value.model),
    said: saidIn(delta),
    calls: objectsOf(delta.tool_calls).map(fragmentOf),
    finish: finishOf(choice?.finish_reason),
    usage: isObject(value.usage) ? countOf(value.usage) : {},
  });
}

/** Reads an answer that came at once; refuses JSON that has none. */
export function chatWhole(value: unknown): Chunk {
  const whole = chatChunk(value);
  if (objectsOf(objectOf(value).choices).length === 0) throw new Trouble("it sent JSON that is no answer");
  return whole;
}

function saidIn(delta: JsonObject): SaidFragment[] {
  // OpenAI shows no thoughts here; other servers do, under one name or the other.
  const thought = stringOf(delta.reasoning_content) || stringOf(delta.reasoning);
  const text = textOf(delta.content) || stringOf(delta.refusal);
  return [
    ...(thought ? [{ kind: "thought" as const, place: THOUGHT, text: thought }] : []),
    ...(text ? [{ kind: "text" as const, place: TEXT, text }] : []),
  ];
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return stringOf(content);
  return objectsOf(content)
    .map(({ text }) => stringOf(text))
    .join("");
}

function fragmentOf(call: JsonObject): CallFragment {
  const named = objectOf(call.function);
  return {
    index: placeIn(call.index),
    id: stringOf(call.id),
    name: stringOf(named.name),
    arguments: argumentsOf(named.arguments),
  };
}

const FINISH_REASONS = new Map([
  ["stop", FinishReason.STOP],
  ["tool_calls", FinishReason.TOOL_CALLS],
  ["function_call", FinishReason.TOOL_CALLS],
  ["length", FinishReason.LENGTH],
  ["content_filter", FinishReason.CONTENT_FILTER],
]);

function finishOf(word: unknown): FinishReason | undefined {
  return word ? (FINISH_REASONS.get(stringOf(word)) ?? FinishReason.UNSPECIFIED) : undefined;
}

function countOf(usage: JsonObject): Partial<TokenCount> {
  return {
    input: tokens(usage.prompt_tokens),
    output: tokens(usage.completion_tokens),
    cached: tokens(objectOf(usage.prompt_tokens_details).cached_tokens),
    reasoning: tokens(objectOf(usage.completion_tokens_details).reasoning_tokens),
  };
}
