import type { ChatBody } from "./check-chat.ts";
import { type Turn, turnIndex } from "./script.ts";

/** Marks an answer: which it is, and to what. */
export type AnswerId = { readonly number: number; readonly body: ChatBody };

// As long as the tokens of a real model are, about.
const ARGUMENT_PIECE = 6;
const CREATED = 1_700_000_000;

/** The chunks of a streamed answer, in OpenAI's order: role, text, tool calls, finish reason, usage where asked for. */
export function chunksOf(turn: Turn, answer: AnswerId): object[] {
  const { text = "" } = turn;
  const calls = callsOf(turn, answer.body);
  const first = { role: "assistant", content: text || calls.length === 0 ? "" : null, refusal: null };
  const deltas = [first, ...pieces(text).map((content) => ({ content })), ...calls.flatMap(callDeltas)];
  const withUsage = answer.body.stream_options?.include_usage === true;
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
  return [
    ...deltas.map((delta) => choice(delta, null)),
    choice({}, calls.length > 0 ? "tool_calls" : "stop"),
    ...(withUsage ? [chunk([], usageOf(turn, answer.body))] : []),
  ];
}

/** The same answer in one piece, for a request without `stream`. */
export function completionOf(turn: Turn, { number, body }: AnswerId): object {
  const calls = callsOf(turn, body);
  const toolCalls = calls.length > 0 && { tool_calls: calls.map(({ index: _, ...call }) => call) };
  const message = { role: "assistant", content: turn.text ?? null, ...toolCalls, refusal: null, annotations: [] };
  return {
    id: `chatcmpl-standin-${number}`,
    object: "chat.completion",
    created: CREATED,
    model: body.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: calls.length > 0 ? "tool_calls" : "stop" }],
    usage: usageOf(turn, body),
    service_tier: "default",
    system_fingerprint: null,
  };
}

type WireCall = {
  index: number;
  id: string;
  type: "function";
  function: { name: string; arguments: string };
};

function callsOf({ toolCalls = [] }: Turn, body: ChatBody): WireCall[] {
  const turn = turnIndex(body.messages);
  return toolCalls.map(({ id, name, arguments: value }, index) => ({
    index,
    id: id ?? `call_${turn}_${index}`,
    type: "function",
    function: { name, arguments: typeof value === "string" ? value : JSON.stringify(value) },
  }));
}

function callDeltas(call: WireCall): object[] {
  const opened = { ...call, function: { name: call.function.name, arguments: "" } };
  const rest = call.function.arguments.match(new RegExp(`.{1,${ARGUMENT_PIECE}}`, "gsu")) ?? [];
  return [
    { tool_calls: [opened] },
    ...rest.map((piece) => ({ tool_calls: [{ index: call.index, function: { arguments: piece } }] })),
  ];
}

function pieces(text: string): string[] {
  return text.match(/\s*\S+|\s+/g) ?? [];
}

function usageOf(turn: Turn, body: ChatBody): object {
  const prompt = body.messages.reduce((sum, { content }) => sum + words(content), 0);
  const completion =
    words(turn.text) + callsOf(turn, body).reduce((sum, call) => sum + words(call.function.arguments), 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function words(text: unknown): number {
  return typeof text === "string" ? (text.match(/\S+/g)?.length ?? 0) : 0;
}
