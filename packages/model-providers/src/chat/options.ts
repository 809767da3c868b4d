import type { ModelOptions } from "@stigmer/contracts/agentic";
import type { JsonObject } from "../json-value.ts";
import { effortOf, isReasoning } from "../openai-models.ts";

/** How the model is asked, in the words of OpenAI or of a server that is compatible with it. */
export function chatOptions(
  options: ModelOptions | undefined,
  { model, official }: { readonly model: string; readonly official: boolean },
): JsonObject {
  if (!options) return {};
  const { temperature, maxOutputTokens } = options;
  const thinks = isReasoning(model);
  const effort = official && !thinks ? undefined : effortOf(options, model);
  const most = Number(maxOutputTokens);
  return {
    ...(temperature !== undefined && !(official && thinks) && { temperature }),
    ...(effort !== undefined && { reasoning_effort: effort }),
    ...(most > 0 && (official ? { max_completion_tokens: most } : { max_tokens: most })),
  };
}
