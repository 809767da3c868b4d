import type { GenerateOptions, ModelAnswer } from "@stigmer/gateway/port";
import type { Chunk } from "./answer-chunk.ts";
import { type Asked, answerOf, emptyFold, type Fold, foldChunk, hasBegun } from "./answer-fold.ts";
import { bodyText } from "./body-text.ts";
import type { Dialect } from "./dialect.ts";
import { eventData } from "./event-stream.ts";
import type { Exchange } from "./exchange.ts";
import { parseJson } from "./json-value.ts";
import { lines } from "./line-stream.ts";
import { Trouble } from "./trouble.ts";

// A server that doesn't stream sends everything in one piece, written as JSON.
const MAX_PIECE = 16 * 1024 * 1024;

export type Reading = { readonly dialect: Dialect; readonly asked: Asked; readonly options: GenerateOptions };

/** Reads an answer, streamed or not, as its content type says. Throws `Trouble`. */
export async function readAnswer(answer: Exchange, reading: Reading): Promise<ModelAnswer> {
  const [type = ""] = (answer.headers.get("content-type") ?? "").toLowerCase().split(";");
  const streamed = reading.dialect.framing === "events" ? "text/event-stream" : "application/x-ndjson";
  // A server that was asked for a stream may answer at once, and one that was not may stream.
  if (type.trim() === streamed) return await readStream(answer, reading);
  if (type.trim() === "application/json") return await readWhole(answer, reading);
  throw new Trouble(`it answered with ${type.trim() || "no content type"} instead of ${streamed}`);
}

/** Reads JSON that is no answer, at most `MAX_PIECE` of it. */
export async function readJson(answer: Exchange): Promise<unknown> {
  const { text, complete } = await bodyText(answer.bytes(), MAX_PIECE);
  if (!complete) throw new Trouble("it sent an answer larger than 16 MiB");
  const value = parseJson(text);
  if (value === undefined) throw new Trouble("it sent what is not JSON");
  return value;
}

async function readStream(answer: Exchange, { dialect, asked, options }: Reading): Promise<ModelAnswer> {
  const progress = progressOf(options);
  const enough = () => progress.fold().finish !== undefined;
  const cut = dialect.framing === "events" ? eventData : lines;
  for await (const data of cut(answer.bytes(enough), MAX_PIECE)) {
    options.signal.throwIfAborted();
    if (data === "[DONE]") return answerOf(checked(progress.fold()), asked);
    const chunk = dialect.chunkOf(parseJson(data));
    progress.add(chunk);
    if (chunk.last) break;
  }
  if (!enough()) throw new Trouble("it ended its answer before saying that it was done");
  return answerOf(progress.fold(), asked);
}

async function readWhole(answer: Exchange, { dialect, asked, options }: Reading): Promise<ModelAnswer> {
  const progress = progressOf(options);
  progress.add(dialect.wholeOf(await readJson(answer)));
  return answerOf(progress.fold(), asked);
}

function progressOf({ onStart, onText }: GenerateOptions): { fold(): Fold; add(chunk: Chunk): void } {
  let fold = emptyFold;
  let begun = false;
  return {
    fold: () => fold,
    add(chunk) {
      const next = foldChunk(fold, chunk);
      fold = next.fold;
      if (!begun && hasBegun(fold)) {
        begun = true;
        onStart();
      }
      if (next.added) onText(next.added);
    },
  };
}

function checked(fold: Fold): Fold {
  if (fold.finish !== undefined || hasBegun(fold)) return fold;
  throw new Trouble("it ended its answer without saying anything");
}
