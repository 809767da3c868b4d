import { FinishReason } from "@stigmer/contracts/agentic";
import { type Chunk, chunk, type SaidFragment } from "../answer-chunk.ts";
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

const THOUGHT = -2;
const TEXT = -1;

/** Reads one line of a stream. Throws `Trouble` where it is an error or no line at all. */
export function ollamaChunk(value: unknown): Chunk {
  if (!isObject(value)) throw new Trouble("it sent what is not a line of an answer");
  if (value.error) throw streamError(value);
  const message = objectOf(value.message);
  const done = value.done === true;
  return chunk({
    model: stringOf(value.model),
    said: saidIn(message),
    // Each comes whole, so that one without a number is always the next.
    calls: objectsOf(message.tool_calls).map((call) => {
      const named = objectOf(call.function);
      const index = call.id ? placeIn(named.index) : undefined;
      return { index, id: stringOf(call.id), name: stringOf(named.name), arguments: argumentsOf(named.arguments) };
    }),
    ...(done && { finish: finishOf(value.done_reason), usage: countOf(value), last: true }),
  });
}

/** Reads an answer that came at once. */
export function ollamaWhole(value: unknown): Chunk {
  const whole = ollamaChunk(value);
  if (!isObject(objectOf(value).message)) throw new Trouble("it sent JSON that is no answer");
  return whole;
}

function saidIn(message: JsonObject): SaidFragment[] {
  const [thought, text] = [stringOf(message.thinking), stringOf(message.content)];
  return [
    ...(thought ? [{ kind: "thought" as const, place: THOUGHT, text: thought }] : []),
    ...(text ? [{ kind: "text" as const, place: TEXT, text }] : []),
  ];
}

// Old servers say no reason.
function finishOf(word: unknown): FinishReason {
  if (word === "stop" || word === undefined) return FinishReason.STOP;
  return word === "length" ? FinishReason.LENGTH : FinishReason.UNSPECIFIED;
}

function countOf(line: JsonObject): Chunk["usage"] {
  return { input: tokens(line.prompt_eval_count), output: tokens(line.eval_count) };
}
