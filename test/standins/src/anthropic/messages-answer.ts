import { argumentPieces, isObject, objects, pieces, words } from "../json.ts";
import type { Turn } from "../script.ts";
import { type Answer, callsOf, type WireCall } from "../vendor.ts";

/** The events of a streamed message: its head, each block from start to stop, the reason why it stopped, and the end. */
export function messagesFrames(turn: Turn, answer: Answer): string[] {
  const said = [
    ...(turn.thinking === undefined ? [] : [{ deltas: thinkingDeltas(turn.thinking, answer), open: THINKING }]),
    ...(turn.text === undefined ? [] : [{ deltas: textDeltas(turn.text), open: { type: "text", text: "" } }]),
  ];
  const calls = callsOf(turn, "toolu", answer.turn);
  const usage = usageOf(turn, answer);
  const head = { ...message(answer), content: [], stop_reason: null, stop_sequence: null };
  const events = [
    { type: "message_start", message: { ...head, usage: { ...usage, output_tokens: 1 } } },
    { type: "ping" },
    ...said.flatMap(({ open, deltas }, index) => block(index, open, deltas)),
    ...answer.mix(calls.map((call, i) => block(said.length + i, { ...toolUse(call), input: {} }, callDeltas(call)))),
    {
      type: "message_delta",
      delta: { stop_reason: stopReason(turn, calls), stop_sequence: null },
      usage: { output_tokens: usage.output_tokens },
    },
    { type: "message_stop" },
  ] as { type: string; [key: string]: unknown }[];
  return events.map(frame);
}

/** The same answer in one piece. */
export function wholeMessage(turn: Turn, answer: Answer): object {
  const calls = callsOf(turn, "toolu", answer.turn);
  const thought = { type: "thinking", thinking: turn.thinking, signature: signature(answer) };
  return {
    ...message(answer),
    content: [
      ...(turn.thinking === undefined ? [] : [thought]),
      ...(turn.text === undefined ? [] : [{ type: "text", text: turn.text }]),
      ...calls.map(toolUse),
    ],
    stop_reason: stopReason(turn, calls),
    stop_sequence: null,
    usage: usageOf(turn, answer),
  };
}

export function messagesErrorFrame(text: string): string {
  return frame({ type: "error", error: { type: "overloaded_error", message: text } });
}

const THINKING = { type: "thinking", thinking: "", signature: "" };

function message({ number, body }: Answer): object {
  return { id: `msg_standin_${number}`, type: "message", role: "assistant", model: body.model };
}

function block(index: number, content_block: object, deltas: readonly object[]): object[] {
  return [
    { type: "content_block_start", index, content_block },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
}

function textDeltas(text: string): object[] {
  return pieces(text).map((piece) => ({ type: "text_delta", text: piece }));
}

function thinkingDeltas(text: string, answer: Answer): object[] {
  const thoughts = pieces(text).map((thinking) => ({ type: "thinking_delta", thinking }));
  return [...thoughts, { type: "signature_delta", signature: signature(answer) }];
}

function signature({ number }: Answer): string {
  return `sig_${number}==`;
}

function callDeltas({ arguments: text }: WireCall): object[] {
  return ["", ...argumentPieces(text)].map((partial_json) => ({ type: "input_json_delta", partial_json }));
}

function toolUse({ id, name, arguments: text }: WireCall): object {
  return { type: "tool_use", id, name, input: text === "" ? {} : JSON.parse(text) };
}

function stopReason({ finish }: Turn, calls: readonly WireCall[]): string {
  return finish ?? (calls.length > 0 ? "tool_use" : "end_turn");
}

function usageOf(turn: Turn, { body, turn: index }: Answer) {
  const { cached = 0, cacheWrite = 0 } = turn.usage ?? {};
  const said = [...objects(body.system), ...objects(body.messages).flatMap(({ content }) => objects(content))];
  const input = said.reduce((sum, { text, content }) => sum + words(text) + resultWords(content), 0);
  const calls = callsOf(turn, "toolu", index);
  return {
    input_tokens: input,
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cached,
    cache_creation: { ephemeral_5m_input_tokens: cacheWrite, ephemeral_1h_input_tokens: 0 },
    output_tokens: words(turn.text) + calls.reduce((sum, call) => sum + words(call.arguments), 0),
    service_tier: "standard",
  };
}

function resultWords(content: unknown): number {
  return objects(content).reduce((sum, part) => sum + (isObject(part) ? words(part.text) : 0), 0);
}

function frame(event: { readonly type: string; readonly [key: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
