import type { ModelInfo } from "@stigmer/gateway/port";
import { bearer } from "../bearer.ts";
import type { Asker, Dialect } from "../dialect.ts";
import { objectOf, objectsOf, stringOf } from "../json-value.ts";
import { ollamaChunk, ollamaWhole } from "./chunk.ts";
import { USUAL_CONTEXT } from "./context.ts";
import { ollamaRequest } from "./request.ts";

/** Ollama's own chat. */
export const ollamaDialect: Dialect = {
  // Where it is compatible with OpenAI; many have that base URL at hand.
  without: /\/(v1|api)$/,
  path: "/api/chat",
  headers: bearer,
  framing: "lines",
  body: ollamaRequest,
  chunkOf: ollamaChunk,
  wholeOf: ollamaWhole,
  usualContext: USUAL_CONTEXT,
  missingModel: (model) => `fetch it with \`ollama pull ${model}\``,
  models,
};

/** Models that are asked for their context; of later ones it is unknown. */
const MAX_ASKED = 64;

async function models({ get, post }: Asker): Promise<readonly ModelInfo[]> {
  const { models: found } = objectOf(await get("/api/tags"));
  const names = objectsOf(found).flatMap(({ name, model }) => stringOf(name) || stringOf(model) || []);
  const shown: ModelInfo[] = [];
  for (const [index, model] of names.entries()) {
    const details = index < MAX_ASKED ? objectOf(await post("/api/show", { model })) : {};
    shown.push({ model, contextWindow: contextOf(objectOf(details.model_info)) });
  }
  return shown;
}

// The key has the architecture's name before it: `qwen3.context_length`.
function contextOf(info: Readonly<Record<string, unknown>>): number {
  const [found] = Object.entries(info).flatMap(([key, value]) => (key.endsWith(".context_length") ? [value] : []));
  return Number.isSafeInteger(found) && Number(found) > 0 ? Number(found) : 0;
}
