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

/** Reads one event of a stream. Events of other kinds add nothing. Throws `Trouble` where it says that the answer failed. */
export function responsesChunk(value: unknown): Chunk {
  if (!isObject(value)) throw new Trouble("it sent what is not an event of an answer");
  const place = placeIn(value.output_index) ?? 0;
  const delta = stringOf(value.delta);
  switch (value.type) {
    case "response.output_item.added":
      return openedItem(objectOf(value.item), place);
    case "response.output_text.delta":
    case "response.refusal.delta":
      return said({ kind: "text", place, text: delta });
    case "response.reasoning_summary_text.delta":
    case "response.reasoning_text.delta":
      return said({ kind: "thought", place, text: delta });
    case "response.reasoning_summary_part.added":
      return placeIn(value.summary_index) ? said({ kind: "thought", place, text: "\n\n" }) : chunk({});
    case "response.function_call_arguments.delta":
      return chunk({ calls: [{ index: place, id: "", name: "", arguments: delta }] });
    case "response.output_item.done":
      return closedItem(objectOf(value.item), place);
    default:
      return lifeCycle(value);
  }
}

/** Reads an answer that came at once. */
export function responsesWhole(value: unknown): Chunk {
  if (!isObject(value)) throw new Trouble("it sent what is not an answer");
  if (value.error) throw streamError(value);
  if (!Array.isArray(value.output)) throw new Trouble("it sent JSON that is no answer");
  const items = objectsOf(value.output).map(wholeItem);
  return chunk({
    ...ended(value),
    said: items.flatMap((item) => item.said),
    calls: items.flatMap((item) => item.calls),
  });
}

function lifeCycle(event: JsonObject): Chunk {
  const response = objectOf(event.response);
  switch (event.type) {
    case "response.created":
      return chunk({ model: stringOf(response.model) });
    case "response.completed":
    case "response.incomplete":
      return ended(response);
    case "response.failed":
      throw streamError(response);
    case "error":
      throw streamError("error" in event ? event : { error: event });
    default:
      return chunk({});
  }
}

function openedItem(item: JsonObject, place: number): Chunk {
  return item.type === "function_call" ? chunk({ calls: [{ ...callOf(item, place), arguments: "" }] }) : chunk({});
}

// What was sealed comes with the end of the item, and so do the arguments once more.
function closedItem(item: JsonObject, place: number): Chunk {
  if (item.type === "function_call") return chunk({ calls: [{ ...callOf(item, place), whole: true }] });
  return item.type === "reasoning" ? said({ ...thoughtOf(item, place), text: "" }) : chunk({});
}

function wholeItem(item: JsonObject, place: number): { said: SaidFragment[]; calls: CallFragment[] } {
  switch (item.type) {
    case "function_call":
      return { said: [], calls: [callOf(item, place)] };
    case "reasoning":
      return { said: [thoughtOf(item, place)], calls: [] };
    case "message": {
      const texts = objectsOf(item.content).map(({ text, refusal }) => stringOf(text) || stringOf(refusal));
      return { said: [{ kind: "text", place, text: texts.join("") }], calls: [] };
    }
    default:
      return { said: [], calls: [] };
  }
}

function callOf(item: JsonObject, index: number): CallFragment {
  return { index, id: stringOf(item.call_id), name: stringOf(item.name), arguments: argumentsOf(item.arguments) };
}

function thoughtOf(item: JsonObject, place: number): SaidFragment {
  const text = objectsOf(item.summary).length > 0 ? objectsOf(item.summary) : objectsOf(item.content);
  const sealed = stringOf(item.encrypted_content);
  const signature = sealed && JSON.stringify({ id: stringOf(item.id), encrypted_content: sealed });
  const thought = text.map((part) => stringOf(part.text)).join("\n\n");
  return { kind: "thought", place, text: thought, signature, redacted: true };
}

function said(fragment: SaidFragment): Chunk {
  return chunk({ said: [fragment] });
}

function ended(response: JsonObject): Chunk {
  return chunk({
    model: stringOf(response.model),
    finish: finishOf(response),
    usage: isObject(response.usage) ? countOf(response.usage) : {},
    last: true,
  });
}

function finishOf({ status, incomplete_details }: JsonObject): FinishReason {
  if (status === "completed") return FinishReason.STOP;
  switch (objectOf(incomplete_details).reason) {
    case "max_output_tokens":
      return FinishReason.LENGTH;
    case "content_filter":
      return FinishReason.CONTENT_FILTER;
    default:
      return FinishReason.UNSPECIFIED;
  }
}

function countOf(usage: JsonObject): Partial<TokenCount> {
  return {
    input: tokens(usage.input_tokens),
    output: tokens(usage.output_tokens),
    cached: tokens(objectOf(usage.input_tokens_details).cached_tokens),
    reasoning: tokens(objectOf(usage.output_tokens_details).reasoning_tokens),
  };
}
