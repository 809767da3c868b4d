import type { ModelInfo } from "@stigmer/gateway/port";
import type { Asker, Dialect } from "../dialect.ts";
import { objectOf, objectsOf, stringOf } from "../json-value.ts";
import { messagesChunk, messagesWhole } from "./chunk.ts";
import { messagesRequest } from "./request.ts";

const API_VERSION = "2023-06-01";

/** Anthropic's messages. */
export const messagesDialect: Dialect = {
  without: /\/v1$/,
  path: "/v1/messages",
  headers: (apiKey) => ({
    "anthropic-version": API_VERSION,
    ...(apiKey !== undefined && { "x-api-key": apiKey }),
  }),
  framing: "events",
  body: messagesRequest,
  chunkOf: messagesChunk,
  wholeOf: messagesWhole,
  models,
};

const MAX_PAGES = 10;

async function models({ get }: Asker): Promise<readonly ModelInfo[]> {
  const found: ModelInfo[] = [];
  let after = "";
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = objectOf(await get("/v1/models", `limit=1000${after && `&after_id=${encodeURIComponent(after)}`}`));
    for (const { id, max_input_tokens } of objectsOf(answer.data)) {
      const contextWindow = Number.isSafeInteger(max_input_tokens) ? Number(max_input_tokens) : 0;
      if (stringOf(id)) found.push({ model: stringOf(id), contextWindow });
    }
    after = stringOf(answer.last_id);
    if (answer.has_more !== true || after === "") break;
  }
  return found;
}
