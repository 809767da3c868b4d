import type { ModelAnswer } from "@stigmer/gateway/port";
import type { Chunk } from "./answer-chunk.ts";
import { answerOf, emptyFold, type Fold, foldChunk } from "./answer-fold.ts";

/** The answer of a provider `mine` that was asked for a model `asked`. */
export function folded(chunks: readonly Chunk[]): ModelAnswer {
  const fold = chunks.reduce<Fold>((before, chunk) => foldChunk(before, chunk).fold, emptyFold);
  return answerOf(fold, { model: "asked", provider: "mine" });
}
