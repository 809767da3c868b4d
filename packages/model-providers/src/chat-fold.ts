import { create } from "@bufbuild/protobuf";
import { FinishReason, MessageSchema, Role, UsageSchema } from "@stigmer/contracts/agentic";
import type { ModelAnswer } from "@stigmer/gateway/port";
import type { Chunk, TokenCount } from "./chat-chunk.ts";
import { foldCall, type PartialCall, wholeCalls } from "./tool-call-fold.ts";
import { Trouble } from "./trouble.ts";

/** An answer as far as it has come. */
export type Fold = {
  readonly text: string;
  /** First half of a character whose second half is still to come. */
  readonly held: string;
  readonly calls: readonly PartialCall[];
  /** Bytes of the text and of all arguments. */
  readonly bytes: number;
  readonly finish: string | undefined;
  readonly model: string;
  readonly usage: TokenCount;
};

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

export const emptyFold: Fold = {
  text: "",
  held: "",
  calls: [],
  bytes: 0,
  finish: undefined,
  model: "",
  usage: { input: 0n, output: 0n, cached: 0n },
};

/** The answer after one more chunk, and the text that the chunk added. Throws `Trouble` where a bound is passed. */
export function foldChunk(fold: Fold, chunk: Chunk): { readonly fold: Fold; readonly added: string } {
  const { added, held } = whole(fold.held + chunk.text);
  const argumentBytes = chunk.calls.reduce((sum, call) => sum + Buffer.byteLength(call.arguments), 0);
  const bytes = fold.bytes + Buffer.byteLength(added) + argumentBytes;
  if (bytes > MAX_ANSWER_BYTES) throw new Trouble("it sent an answer larger than 8 MiB");
  return {
    added,
    fold: {
      text: fold.text + added,
      held,
      calls: chunk.calls.reduce(foldCall, fold.calls),
      bytes,
      finish: chunk.finish ?? fold.finish,
      model: chunk.model || fold.model,
      // Where it comes more than once, it counts from the start.
      usage: chunk.usage ?? fold.usage,
    },
  };
}

/** The answer that `fold` amounts to; `asked` is the model's name where the provider does not say which one served. */
export function answerOf(fold: Fold, asked: string): ModelAnswer {
  const calls = wholeCalls(fold.calls);
  const text = fold.text ? [{ part: { case: "text" as const, value: fold.text } }] : [];
  const wanted = calls.map((value) => ({ part: { case: "toolCall" as const, value } }));
  const { input, output, cached } = fold.usage;
  return {
    message: create(MessageSchema, { role: Role.ASSISTANT, parts: [...text, ...wanted] }),
    finishReason: finishReason(fold.finish, calls.length > 0),
    servedModel: fold.model || asked,
    usage: create(UsageSchema, { inputTokens: input, outputTokens: output, cachedInputTokens: cached }),
    scripted: false,
  };
}

const FINISH_REASONS = new Map([
  ["stop", FinishReason.STOP],
  ["tool_calls", FinishReason.TOOL_CALLS],
  ["function_call", FinishReason.TOOL_CALLS],
  ["length", FinishReason.LENGTH],
  ["content_filter", FinishReason.CONTENT_FILTER],
]);

function finishReason(word: string | undefined, calls: boolean): FinishReason {
  const reason = FINISH_REASONS.get(word ?? "") ?? FinishReason.UNSPECIFIED;
  // Several servers say "stop" after tool calls.
  return calls && reason === FinishReason.STOP ? FinishReason.TOOL_CALLS : reason;
}

// A server may cut a character in two where its JSON writes it as a pair of escapes; a half must not be streamed. One
// that stays alone, as the answer was cut there, is dropped.
function whole(text: string): { added: string; held: string } {
  const last = text.charCodeAt(text.length - 1);
  const half = last >= 0xd800 && last <= 0xdbff;
  const end = half ? text.length - 1 : text.length;
  return { added: text.slice(0, end).toWellFormed(), held: text.slice(end) };
}
