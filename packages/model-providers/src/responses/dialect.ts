import { bearer } from "../bearer.ts";
import type { Dialect } from "../dialect.ts";
import { openaiModels } from "../openai-models.ts";
import { responsesChunk, responsesWhole } from "./chunk.ts";
import { responsesRequest } from "./request.ts";

/** OpenAI's responses; `official` where OpenAI itself is asked, and not a server that is compatible with it. */
export function responsesDialect({ official }: { readonly official: boolean }): Dialect {
  return {
    path: "/responses",
    headers: bearer,
    framing: "events",
    body: (request, asking) => responsesRequest(request, { ...asking, official }),
    chunkOf: responsesChunk,
    wholeOf: responsesWhole,
    models: openaiModels,
  };
}
