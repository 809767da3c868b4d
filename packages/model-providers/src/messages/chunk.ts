import { FinishReason } from "@stigmer/contracts/agentic";
import { type Chunk, chunk, type SaidFragment, type TokenCount } from "../answer-chunk.ts";
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

/** Reads one event of a stream. Events of other kinds, as pings, add nothing. Throws `Trouble` where it is an error. */
export function messagesChunk(value: unknown): Chunk {
  if (!isObject(value)) throw new Trouble("it sent what is not an event of an answer");
  const place = placeIn(value.index) ?? 0;
  switch (value.type) {
    case "message_start":
      return started(objectOf(value.message));
    case "content_block_start":
      return block(objectOf(value.content_block), place);
    case "content_block_delta":
      return delta(objectOf(value.delta), place);
    case "message_delta":
      return chunk({
        finish: finishOf(objectOf(value.delta).stop_reason),
        usage: laterCount(objectOf(value.usage)),
      });
    case "message_stop":
      return chunk({ last: true });
    case "error":
      throw streamError(value);
    default:
      return chunk({});
  }
}

/** Reads an answer that came at once. */
export function messagesWhole(value: unknown): Chunk {
  if (!isObject(value)) throw new Trouble("it sent what is not an answer");
  if (value.error) throw streamError(value);
  if (!Array.isArray(value.content)) throw new Trouble("it sent JSON that is no answer");
  const blocks = objectsOf(value.content).map(block);
  return chunk({
    ...started(value),
    said: blocks.flatMap(({ said }) => said),
    calls: blocks.flatMap(({ calls }) => calls),
    finish: finishOf(value.stop_reason) ?? FinishReason.UNSPECIFIED,
    last: true,
  });
}

function started(message: JsonObject): Chunk {
  return chunk({ model: stringOf(message.model), usage: countOf(objectOf(message.usage)) });
}

// A stream opens a block empty and fills it by deltas; an answer that comes at once has it whole.
function block(content: JsonObject, place: number): Chunk {
  switch (content.type) {
    case "text":
      return said({ kind: "text", place, text: stringOf(content.text) });
    case "thinking":
      return said({
        kind: "thought",
        place,
        text: stringOf(content.thinking),
        signature: stringOf(content.signature),
      });
    case "redacted_thinking":
      return said({ kind: "thought", place, text: "", signature: stringOf(content.data), redacted: true });
    case "tool_use": {
      const given = argumentsOf(content.input);
      const call = { index: place, id: stringOf(content.id), name: stringOf(content.name) };
      return chunk({ calls: [{ ...call, arguments: given === "{}" ? "" : given }] });
    }
    default:
      return chunk({});
  }
}

function delta(piece: JsonObject, place: number): Chunk {
  switch (piece.type) {
    case "text_delta":
      return said({ kind: "text", place, text: stringOf(piece.text) });
    case "thinking_delta":
      return said({ kind: "thought", place, text: stringOf(piece.thinking) });
    case "signature_delta":
      return said({ kind: "thought", place, text: "", signature: stringOf(piece.signature) });
    case "input_json_delta":
      return chunk({ calls: [{ index: place, id: "", name: "", arguments: stringOf(piece.partial_json) }] });
    default:
      return chunk({});
  }
}

function said(fragment: SaidFragment): Chunk {
  return chunk({ said: [fragment] });
}

const FINISH_REASONS = new Map([
  ["end_turn", FinishReason.STOP],
  ["stop_sequence", FinishReason.STOP],
  ["tool_use", FinishReason.TOOL_CALLS],
  ["max_tokens", FinishReason.LENGTH],
  ["model_context_window_exceeded", FinishReason.LENGTH],
  ["refusal", FinishReason.CONTENT_FILTER],
]);

function finishOf(word: unknown): FinishReason | undefined {
  return word ? (FINISH_REASONS.get(stringOf(word)) ?? FinishReason.UNSPECIFIED) : undefined;
}

// Anthropic counts what is read from its cache, and what is written to it, apart from the rest.
function countOf(usage: JsonObject): Partial<TokenCount> {
  const cached = tokens(usage.cache_read_input_tokens);
  const cacheWrite = tokens(usage.cache_creation_input_tokens);
  return {
    input: tokens(usage.input_tokens) + cached + cacheWrite,
    cached,
    cacheWrite,
    output: tokens(usage.output_tokens),
  };
}

// The end of a stream counts everything anew, or the answer alone.
function laterCount(usage: JsonObject): Partial<TokenCount> {
  if (tokens(usage.input_tokens) > 0n) return countOf(usage);
  return usage.output_tokens === undefined ? {} : { output: tokens(usage.output_tokens) };
}
