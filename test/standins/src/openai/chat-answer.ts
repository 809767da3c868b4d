import { argumentPieces, type Json, objects, pieces, words } from "../json.ts";
import type { Turn } from "../script.ts";
import { type Answer, callsOf, type WireCall } from "../vendor.ts";

const CREATED = 1_700_000_000;

/** The events of a streamed completion, in OpenAI's order: role, text, tool calls, finish reason, usage where asked for. */
export function chatFrames(turn: Turn, answer: Answer): string[] {
  const { text = "", thinking } = turn;
  const calls = callsOf(turn, "call", answer.turn);
  const first = { role: "assistant", content: text || calls.length === 0 ? "" : null, refusal: null };
  const deltas = [
    first,
    // As DeepSeek, vLLM and llama.cpp have it; OpenAI shows none.
    ...pieces(thinking).map((reasoning_content) => ({ reasoning_content })),
    ...pieces(text).map((content) => ({ content })),
    ...answer.mix(calls.map(callDeltas)),
  ];
  const withUsage = isObjectWith(answer.body.stream_options, "include_usage");
  const chunk = (choices: object[], usage: object | null) => ({
    id: `chatcmpl-standin-${answer.number}`,
    object: "chat.completion.chunk",
    created: CREATED,
    model: answer.body.model,
    service_tier: "default",
    system_fingerprint: null,
    choices,
    ...(withUsage && { usage }),
    obfuscation: "standin",
  });
  const choice = (delta: object, finish: string | null) =>
    chunk([{ index: 0, delta, logprobs: null, finish_reason: finish }], null);
  const chunks = [
    ...deltas.map((delta) => choice(delta, null)),
    choice({}, finishOf(turn, calls)),
    ...(withUsage ? [chunk([], usageOf(turn, answer))] : []),
  ];
  return [...chunks.map((value) => `data: ${JSON.stringify(value)}\n\n`), "data: [DONE]\n\n"];
}

/** The same answer in one piece, for a request without `stream`. */
export function chatCompletion(turn: Turn, answer: Answer): object {
  const calls = callsOf(turn, "call", answer.turn);
  const wanted = calls.length > 0 && { tool_calls: calls.map(wireCall) };
  const thoughts = turn.thinking !== undefined && { reasoning_content: turn.thinking };
  const message = {
    role: "assistant",
    content: turn.text ?? null,
    ...thoughts,
    ...wanted,
    refusal: null,
    annotations: [],
  };
  return {
    id: `chatcmpl-standin-${answer.number}`,
    object: "chat.completion",
    created: CREATED,
    model: answer.body.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishOf(turn, calls) }],
    usage: usageOf(turn, answer),
    service_tier: "default",
    system_fingerprint: null,
  };
}

function wireCall({ id, name, arguments: text }: WireCall): object {
  return { id, type: "function", function: { name, arguments: text } };
}

function callDeltas({ id, name, arguments: text }: WireCall, index: number): object[] {
  const opened = { index, id, type: "function", function: { name, arguments: "" } };
  return [opened, ...argumentPieces(text).map((piece) => ({ index, function: { arguments: piece } }))].map((call) => ({
    tool_calls: [call],
  }));
}

function finishOf({ finish }: Turn, calls: readonly WireCall[]): string {
  return finish ?? (calls.length > 0 ? "tool_calls" : "stop");
}

function usageOf(turn: Turn, { body, turn: index }: Answer): object {
  const prompt = objects(body.messages).reduce((sum, { content }) => sum + words(content), 0);
  const calls = callsOf(turn, "call", index);
  const completion = words(turn.text) + calls.reduce((sum, call) => sum + words(call.arguments), 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: turn.usage?.cached ?? 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: turn.usage?.reasoning ?? 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function isObjectWith(value: unknown, key: string): boolean {
  return (value as Json | undefined)?.[key] === true;
}
