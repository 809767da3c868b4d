import type { ModelOptions } from "@stigmer/contracts/agentic";
import type { JsonObject } from "../json-value.ts";

/** Ollama's own default is too short for an agent's tools and instructions. */
const LEAST = 8_192;
/** Beyond this a user has to say that the machine has the memory. */
export const USUAL_CONTEXT = 131_072;
/** Fewer than in most languages, so that the estimate errs to the safe side. */
const CHARACTERS_PER_TOKEN = 3;
const TOKENS_PER_IMAGE = 1_500;
const USUAL_ANSWER = 4_096;

/**
 * Tokens of context that a request needs: what the user says, else a power of two that holds request and answer. Powers
 * of two, as Ollama loads the model anew whenever the number changes. A model gives no more than it has.
 */
export function contextFor(
  said: JsonObject,
  {
    options,
    contextWindow,
  }: { readonly options: ModelOptions | undefined; readonly contextWindow: number | undefined },
): number {
  if (contextWindow !== undefined) return contextWindow;
  const answer = Number(options?.maxOutputTokens ?? 0n) || USUAL_ANSWER;
  let images = 0;
  const text = JSON.stringify(said, (key, value) => {
    if (key !== "images" || !Array.isArray(value)) return value;
    images += value.length;
    return undefined;
  });
  const needed = text.length / CHARACTERS_PER_TOKEN + images * TOKENS_PER_IMAGE + answer;
  return Math.min(USUAL_CONTEXT, 2 ** Math.ceil(Math.log2(Math.max(LEAST, needed))));
}
