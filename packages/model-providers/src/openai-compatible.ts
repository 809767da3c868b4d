import { type Clock, systemClock } from "@stigmer/base";
import type { GenerateOptions, ModelAnswer, ModelProvider, ModelRequest } from "@stigmer/gateway/port";
import { bodyText } from "./body-text.ts";
import { parseChunk } from "./chat-chunk.ts";
import { chatEndpoint } from "./chat-endpoint.ts";
import { answerOf, emptyFold, foldChunk } from "./chat-fold.ts";
import { chatRequest } from "./chat-request.ts";
import { eventData } from "./event-stream.ts";
import { type Exchange, exchange } from "./exchange.ts";
import { isObject, parseJson } from "./json-value.ts";
import { type ProviderFaults, providerFaults } from "./provider-faults.ts";
import { retryAfterMs } from "./retry-after.ts";
import { Trouble } from "./trouble.ts";

export type OpenaiCompatibleOptions = {
  /** What the user calls the provider; it stands in faults. */
  readonly name: string;
  /** `https://api.openai.com/v1`; a query is kept. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** Environment variable that the user sets the key in; only to say so. */
  readonly keyName?: string;
  /** Longest silence until the answer's first byte: a local model may have to be loaded first. */
  readonly firstByteTimeoutMs: number;
  /** Longest silence inside the answer. */
  readonly idleTimeoutMs: number;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
};

const MAX_ERROR_BYTES = 64 * 1024;
// A server that doesn't stream sends everything in one piece, written as JSON.
const MAX_PIECE = 16 * 1024 * 1024;

/**
 * Any server that speaks OpenAI's chat completions. One call makes one request: nothing is tried again, and no redirect
 * is followed. Refuses at once a base URL that is none, and a key that would travel unencrypted to another machine.
 */
export function openaiCompatible(options: OpenaiCompatibleOptions): ModelProvider {
  const { name, baseUrl, apiKey, keyName, clock = systemClock } = options;
  const { url, address, headers } = chatEndpoint({ name, baseUrl, apiKey });
  const faults = providerFaults({ name, address, apiKey, keyName });
  const { firstByteTimeoutMs, idleTimeoutMs, fetch = globalThis.fetch } = options;
  return {
    async generate(request, { signal, onText }) {
      signal.throwIfAborted();
      const body = JSON.stringify(chatRequest(request));
      const timeouts = { firstByteTimeoutMs, idleTimeoutMs };
      try {
        await using answer = await exchange({ fetch, url, address, headers, body, signal, ...timeouts });
        await refuseErrors(answer, faults, clock);
        return await readAnswer(answer, request, { signal, onText });
      } catch (error) {
        throw error instanceof Trouble ? faults.ofTrouble(error) : error;
      }
    },
  };
}

async function refuseErrors(answer: Exchange, faults: ProviderFaults, clock: Clock): Promise<void> {
  const { status, headers } = answer;
  if (status === 200) return;
  // What came before it broke off may still say what is wrong.
  const { text } = await bodyText(
    answer.bytes(() => true),
    MAX_ERROR_BYTES,
  );
  throw faults.ofStatus({ status, body: text, retryAfterMs: retryAfterMs(headers, clock.now()) });
}

async function readAnswer(answer: Exchange, request: ModelRequest, options: GenerateOptions): Promise<ModelAnswer> {
  const [type = ""] = (answer.headers.get("content-type") ?? "").toLowerCase().split(";");
  switch (type.trim()) {
    case "text/event-stream":
      return await readStream(answer, request, options);
    case "application/json":
      return await readWhole(answer, request, options);
    default:
      throw new Trouble(`it answered with ${type.trim() || "no content type"} instead of an event stream`);
  }
}

async function readStream(answer: Exchange, request: ModelRequest, options: GenerateOptions): Promise<ModelAnswer> {
  let fold = emptyFold;
  const enough = () => fold.finish !== undefined;
  for await (const data of eventData(answer.bytes(enough), MAX_PIECE)) {
    options.signal.throwIfAborted();
    if (data === "[DONE]") return answerOf(fold, request.model);
    const next = foldChunk(fold, parseChunk(parseJson(data)));
    fold = next.fold;
    if (next.added) options.onText(next.added);
  }
  if (!enough()) throw new Trouble("it ended its answer before saying that it was done");
  return answerOf(fold, request.model);
}

// Some servers do not stream, or not where tools are offered, and answer with the whole at once.
async function readWhole(answer: Exchange, request: ModelRequest, { onText }: GenerateOptions): Promise<ModelAnswer> {
  const { text, complete } = await bodyText(answer.bytes(), MAX_PIECE);
  if (!complete) throw new Trouble("it sent an answer larger than 16 MiB");
  const value = parseJson(text);
  const chunk = parseChunk(value);
  if (!isObject(value) || !Array.isArray(value.choices) || value.choices.length === 0) {
    throw new Trouble("it sent JSON that is no answer");
  }
  const { fold, added } = foldChunk(emptyFold, chunk);
  if (added) onText(added);
  return answerOf(fold, request.model);
}
