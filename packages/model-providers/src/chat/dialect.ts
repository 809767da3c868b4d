import { bearer } from "../bearer.ts";
import type { Dialect } from "../dialect.ts";
import { openaiModels } from "../openai-models.ts";
import { chatChunk, chatWhole } from "./chunk.ts";
import { chatRequest } from "./request.ts";

/** OpenAI's chat completions; `official` where OpenAI itself is asked, and not a server that is compatible with it. */
export function chatDialect({ official }: { readonly official: boolean }): Dialect {
  return {
    path: "/chat/completions",
    headers: bearer,
    framing: "events",
    body: (request, asking) => chatRequest(request, { ...asking, official }),
    chunkOf: chatChunk,
    wholeOf: chatWhole,
    models: openaiModels,
  };
}
