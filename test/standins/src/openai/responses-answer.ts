import { argumentPieces, objects, pieces, words } from "../json.ts";
import type { Turn } from "../script.ts";
import { type Answer, callsOf, type WireCall } from "../vendor.ts";

const CREATED = 1_700_000_000;

/** The events of a streamed response, each with its name, its type and a number. */
export function responsesFrames(turn: Turn, answer: Answer): string[] {
  const items = itemsOf(turn, answer);
  const opened = { response: responseOf(answer, { status: "in_progress", output: [], usage: null }) };
  const events = [
    { type: "response.created", ...opened },
    { type: "response.in_progress", ...opened },
    ...items.flatMap((item, index) => (item.type === "function_call" ? [] : itemEvents(item, index))),
    ...answer.mix(items.map((item, index) => (item.type === "function_call" ? itemEvents(item, index) : []))),
    { type: turn.finish ? "response.incomplete" : "response.completed", response: response(turn, answer) },
  ] as { type: string; [key: string]: unknown }[];
  return events.map((event, number) => frame({ sequence_number: number, ...event }));
}

/** The same answer in one piece. */
export function response(turn: Turn, answer: Answer): object {
  const status = turn.finish ? "incomplete" : "completed";
  const incomplete = { incomplete_details: turn.finish ? { reason: turn.finish } : null };
  const output = itemsOf(turn, answer).map(finished);
  return { ...responseOf(answer, { status, output, usage: usageOf(turn, answer) }), ...incomplete };
}

export function responsesErrorFrame(message: string): string {
  return frame({ type: "error", sequence_number: 3, code: "server_error", message, param: null });
}

type Item = { readonly type: string; readonly id: string } & { readonly [key: string]: unknown };

function itemsOf(turn: Turn, answer: Answer): Item[] {
  const { text, thinking } = turn;
  const encrypted = `enc_${answer.number}==`;
  const summary = thinking ? [{ type: "summary_text", text: thinking }] : [];
  const thought = { type: "reasoning", id: `rs_${answer.number}`, summary, encrypted_content: encrypted };
  const part = { type: "output_text", text, annotations: [], logprobs: [] };
  const message = { type: "message", id: `msg_${answer.number}`, role: "assistant", content: [part] };
  return [
    ...(thinking === undefined ? [] : [thought]),
    ...(text === undefined ? [] : [message]),
    ...callsOf(turn, "call", answer.turn).map(callItem),
  ];
}

function callItem({ id, name, arguments: text }: WireCall): Item {
  return { type: "function_call", id: `fc_${id}`, call_id: id, name, arguments: text };
}

function finished(item: Item): object {
  return item.type === "reasoning" ? item : { ...item, status: "completed" };
}

function itemEvents(item: Item, output_index: number): object[] {
  const at = { item_id: item.id, output_index };
  const inside = item.type === "message" ? textEvents : item.type === "reasoning" ? thoughtEvents : callEvents;
  return [
    { type: "response.output_item.added", output_index, item: begun(item) },
    ...inside(item, at),
    { type: "response.output_item.done", output_index, item: finished(item) },
  ];
}

function begun(item: Item): object {
  if (item.type === "message") return { ...item, status: "in_progress", content: [] };
  if (item.type === "reasoning") return { ...item, summary: [], encrypted_content: "" };
  return { ...item, status: "in_progress", arguments: "" };
}

function textEvents(item: Item, where: object): object[] {
  const [part = {}] = objects(item.content);
  const at = { ...where, content_index: 0 };
  const deltas = pieces(String(part.text)).map((delta) => ({
    ...{ type: "response.output_text.delta", ...at, delta, logprobs: [], obfuscation: "standin" },
  }));
  return [
    { type: "response.content_part.added", ...at, part: { ...part, text: "" } },
    ...deltas,
    { type: "response.output_text.done", ...at, text: part.text, logprobs: [] },
    { type: "response.content_part.done", ...at, part },
  ];
}

function thoughtEvents(item: Item, where: object): object[] {
  return objects(item.summary).flatMap((part, summary_index) => {
    const at = { ...where, summary_index };
    const deltas = pieces(String(part.text)).map((delta) => ({
      ...{ type: "response.reasoning_summary_text.delta", ...at, delta, obfuscation: "standin" },
    }));
    return [
      { type: "response.reasoning_summary_part.added", ...at, part: { ...part, text: "" } },
      ...deltas,
      { type: "response.reasoning_summary_text.done", ...at, text: part.text },
      { type: "response.reasoning_summary_part.done", ...at, part },
    ];
  });
}

function callEvents(item: Item, where: object): object[] {
  const type = "response.function_call_arguments.delta";
  const deltas = argumentPieces(String(item.arguments)).map((delta) => ({
    ...{ type, ...where, delta, obfuscation: "standin" },
  }));
  return [...deltas, { type: "response.function_call_arguments.done", ...where, arguments: item.arguments }];
}

function responseOf(
  { number, body }: Answer,
  rest: { status: string; output: object[]; usage: object | null },
): object {
  return {
    id: `resp_standin_${number}`,
    object: "response",
    created_at: CREATED,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: body.model,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    store: body.store ?? true,
    temperature: 1,
    text: body.text ?? { format: { type: "text" } },
    tool_choice: "auto",
    tools: body.tools ?? [],
    top_p: 1,
    truncation: "disabled",
    user: null,
    metadata: {},
    ...rest,
  };
}

function usageOf(turn: Turn, answer: Answer): object {
  const input = objects(answer.body.input).reduce((sum, { content, output }) => sum + words(content ?? output), 0);
  const calls = callsOf(turn, "call", answer.turn);
  const output = words(turn.text) + calls.reduce((sum, call) => sum + words(call.arguments), 0);
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: turn.usage?.cached ?? 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: turn.usage?.reasoning ?? 0 },
    total_tokens: input + output,
  };
}

function frame(event: { readonly type: string; readonly [key: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
