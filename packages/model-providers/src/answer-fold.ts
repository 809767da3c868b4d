import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { FinishReason, MessageSchema, type PartSchema, Role, UsageSchema } from "@stigmer/contracts/agentic";
import type { ModelAnswer } from "@stigmer/gateway/port";
import type { Chunk, SaidFragment, TokenCount } from "./answer-chunk.ts";
import { foldCall, type PartialCall, wholeCalls } from "./tool-call-fold.ts";
import { Trouble } from "./trouble.ts";

/** An answer as far as it has come. */
export type Fold = {
  readonly said: readonly Said[];
  readonly calls: readonly PartialCall[];
  /** Bytes of the texts, the thoughts and all arguments. */
  readonly bytes: number;
  readonly finish: FinishReason | undefined;
  readonly model: string;
  readonly usage: TokenCount;
};

type Said = {
  readonly kind: SaidFragment["kind"];
  readonly place: number;
  readonly text: string;
  /** First half of a character whose second half is still to come. */
  readonly held: string;
  readonly signature: string;
  readonly redacted: boolean;
};

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const MAX_BLOCKS = 512;
const MAX_MODEL_NAME = 256;

export const emptyFold: Fold = {
  said: [],
  calls: [],
  bytes: 0,
  finish: undefined,
  model: "",
  usage: { input: 0n, output: 0n, cached: 0n, cacheWrite: 0n, reasoning: 0n },
};

/** The answer after one more chunk, and the text that the chunk added. Throws `Trouble` where a bound is passed. */
export function foldChunk(fold: Fold, chunk: Chunk): { readonly fold: Fold; readonly added: string } {
  let { said } = fold;
  let added = "";
  for (const fragment of chunk.said) {
    const next = foldSaid(said, fragment);
    said = next.said;
    if (fragment.kind === "text") added += next.added;
  }
  const bytes = fold.bytes + bytesOf(chunk);
  if (bytes > MAX_ANSWER_BYTES) throw new Trouble("it sent an answer larger than 8 MiB");
  const calls = chunk.calls.reduce(foldCall, fold.calls);
  // Where usage comes more than once, it counts from the start.
  const usage = { ...fold.usage, ...chunk.usage };
  return {
    added,
    fold: { said, calls, bytes, finish: chunk.finish ?? fold.finish, model: chunk.model || fold.model, usage },
  };
}

/** Whether anything of an answer has come. */
export function hasBegun({ said, calls }: Fold): boolean {
  return calls.length > 0 || said.some(({ text, signature }) => text !== "" || signature !== "");
}

/** Who was asked, in the words that the answer falls back to. */
export type Asked = { readonly model: string; readonly provider: string };

/** The answer that `fold` amounts to. */
export function answerOf(fold: Fold, asked: Asked): ModelAnswer {
  const calls = wholeCalls(fold.calls);
  const blocks: Block[] = [
    ...fold.said.flatMap((said) => saidBlock(said, asked.provider)),
    ...calls.map(({ place, ...value }): Block => ({ place, part: { case: "toolCall", value } })),
  ];
  const parts = blocks.toSorted((a, b) => a.place - b.place).map(({ part }) => ({ part }));
  const { input, output, cached, cacheWrite, reasoning } = fold.usage;
  return {
    message: create(MessageSchema, { role: Role.ASSISTANT, parts }),
    finishReason: finishReason(fold.finish, calls.length > 0),
    servedModel: fold.model.slice(0, MAX_MODEL_NAME).toWellFormed() || asked.model,
    usage: create(UsageSchema, {
      inputTokens: input,
      outputTokens: output,
      cachedInputTokens: cached,
      cacheWriteTokens: cacheWrite,
      reasoningTokens: reasoning,
    }),
    scripted: false,
  };
}

function foldSaid(said: readonly Said[], fragment: SaidFragment) {
  const { kind, place, text, signature = "", redacted = false } = fragment;
  const at = said.findIndex((known) => known.place === place && known.kind === kind);
  const known = said[at] ?? { kind, place, text: "", held: "", signature: "", redacted };
  if (at < 0 && said.length >= MAX_BLOCKS) throw new Trouble(`it sent more than ${MAX_BLOCKS} blocks`);
  const { added, held } = whole(known.held + text);
  const next = { ...known, text: known.text + added, held, signature: signature || known.signature, redacted };
  return { added, said: at < 0 ? [...said, next] : said.with(at, next) };
}

type Block = { readonly place: number; readonly part: NonNullable<MessageInitShape<typeof PartSchema>["part"]> };

function saidBlock({ kind, place, text, signature, redacted }: Said, provider: string): Block[] {
  if (kind === "text") return text ? [{ place, part: { case: "text", value: text } }] : [];
  if (!text && !signature) return [];
  const value = { text, signature: signature.toWellFormed(), provider, redacted: redacted && text === "" };
  return [{ place, part: { case: "thinking", value } }];
}

function bytesOf({ said, calls }: Chunk): number {
  const texts = [...said.flatMap(({ text, signature = "" }) => [text, signature]), ...calls.map((c) => c.arguments)];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

// Several servers say "stop" after tool calls.
function finishReason(reason = FinishReason.UNSPECIFIED, calls: boolean): FinishReason {
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
