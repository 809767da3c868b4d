import { type ModelOptions, ThinkingEffort } from "@stigmer/contracts/agentic";
import type { ModelInfo } from "@stigmer/gateway/port";
import type { Asker } from "./dialect.ts";
import { type JsonObject, objectOf, objectsOf, stringOf } from "./json-value.ts";

/** Whether OpenAI's model of that name thinks before it answers; those that do take no temperature. */
export function isReasoning(model: string): boolean {
  return /^(o\d|gpt-(5|[6-9]|\d\d)|codex)/.test(model) && !/^gpt-\d[^-]*-chat/.test(model);
}

/** OpenAI's word for an effort, or none where it is not said. */
export function effortOf(options: ModelOptions | undefined, model: string): string | undefined {
  switch (options?.thinking) {
    case ThinkingEffort.NONE:
      return leastEffort(model);
    case ThinkingEffort.LOW:
      return "low";
    case ThinkingEffort.MEDIUM:
      return "medium";
    case ThinkingEffort.HIGH:
      return "high";
    default:
      return undefined;
  }
}

// Only later models can be told not to think at all.
function leastEffort(model: string): string {
  if (/^o\d/.test(model)) return "low";
  return /^gpt-5(-(mini|nano|codex)|-\d{4}|$)/.test(model) ? "minimal" : "none";
}

/** The models that `GET /models` lists. OpenAI does not say how long their context is; other servers do, each under its own name. */
export async function openaiModels({ get }: Asker): Promise<readonly ModelInfo[]> {
  const { data } = objectOf(await get("/models"));
  return objectsOf(data).flatMap((model) => {
    const id = stringOf(model.id);
    return id ? [{ model: id, contextWindow: contextOf(model) }] : [];
  });
}

function contextOf(model: JsonObject): number {
  const { n_ctx } = objectOf(model.meta);
  const said = [model.max_model_len, model.loaded_context_length, model.context_window, model.context_length];
  const found = [n_ctx, ...said, model.max_context_length].find((value) => Number.isSafeInteger(value));
  return typeof found === "number" && found > 0 ? found : 0;
}
