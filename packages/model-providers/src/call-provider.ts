import { type Clock, systemClock } from "@stigmer/base";
import type { GenerateOptions, ModelInfo, ModelProvider, ModelRequest } from "@stigmer/gateway/port";
import { bodyText } from "./body-text.ts";
import type { Dialect } from "./dialect.ts";
import { endpoint } from "./endpoint.ts";
import { type Exchange, exchange } from "./exchange.ts";
import { FileProblem, readFiles } from "./files.ts";
import { type ProviderFaults, providerFaults } from "./provider-faults.ts";
import { readAnswer, readJson } from "./read-answer.ts";
import { retryAfterMs } from "./retry-after.ts";
import { Trouble } from "./trouble.ts";

export type CallOptions = {
  /** What the user calls the provider; it stands in faults. */
  readonly name: string;
  /** `https://api.openai.com/v1`; a query is kept. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** Environment variable that the user sets the key in; only to say so. */
  readonly keyName?: string;
  /** Whether answers are asked for as a stream; they are unless told. */
  readonly stream?: boolean;
  /** Most tokens of context that the models are to have. */
  readonly contextWindow?: number;
  /** Longest silence until the answer's first byte: a local model may have to be loaded first. */
  readonly firstByteTimeoutMs: number;
  /** Longest silence inside the answer. */
  readonly idleTimeoutMs: number;
  /** Longest time that an answer may take; an hour unless told. */
  readonly totalTimeoutMs?: number;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
};

const MAX_CALL_MS = 60 * 60 * 1000;
const MAX_ERROR_BYTES = 64 * 1024;
/** Of a longer list, the rest is left out. */
const MAX_MODELS = 2_000;
const MAX_MODEL_NAME = 256;

/**
 * A provider that is reached over HTTP. One call makes one request: nothing is tried again, and no redirect is followed.
 * Refuses at once a base URL that is none, and a key that would travel unencrypted to another machine.
 */
export function callProvider(dialect: Dialect, options: CallOptions): ModelProvider {
  const link = linkOf(dialect, options);
  return {
    generate: (request, hooks) => generate(link, request, hooks),
    list: ({ signal }) => list(link, signal),
  };
}

type Link = {
  readonly dialect: Dialect;
  readonly options: CallOptions;
  readonly faultsAbout: (model: string | undefined) => ProviderFaults;
  readonly ask: (request: Request) => Promise<Exchange>;
};

type Request = { path: string; query?: string; body?: string; signal: AbortSignal; faults: ProviderFaults };

function linkOf(dialect: Dialect, options: CallOptions): Link {
  const { name, baseUrl, apiKey, keyName, fetch = globalThis.fetch, clock = systemClock } = options;
  const { address, url } = endpoint({ name, baseUrl, apiKey, without: dialect.without });
  const { firstByteTimeoutMs, idleTimeoutMs, totalTimeoutMs = MAX_CALL_MS } = options;
  const timeouts = { firstByteTimeoutMs, idleTimeoutMs, totalTimeoutMs };
  const streamed = dialect.framing === "events" ? "text/event-stream" : "application/x-ndjson";
  const headers = { accept: `${streamed}, application/json`, ...dialect.headers(apiKey) };
  return {
    dialect,
    options,
    faultsAbout(model) {
      const missingModel = model === undefined ? undefined : dialect.missingModel?.(model);
      return providerFaults({ name, address, apiKey, keyName, missingModel });
    },
    async ask({ path, query, body, signal, faults }) {
      const typed = body === undefined ? headers : { ...headers, "content-type": "application/json" };
      const where = { url: url(path, query), address, headers: typed, ...(body !== undefined && { body }) };
      const answer = await exchange({ fetch, ...where, signal, ...timeouts });
      await refuseErrors(answer, faults, clock);
      return answer;
    },
  };
}

async function generate(link: Link, request: ModelRequest, hooks: GenerateOptions) {
  hooks.signal.throwIfAborted();
  const { dialect, options, ask } = link;
  const faults = link.faultsAbout(request.model);
  try {
    const files = await readFiles(request.messages, hooks);
    const { name: provider, stream = true, contextWindow } = options;
    const body = JSON.stringify(dialect.body(request, { provider, files, stream, contextWindow }));
    await using answer = await ask({ path: dialect.path, body, signal: hooks.signal, faults });
    return await readAnswer(answer, { dialect, asked: { model: request.model, provider }, options: hooks });
  } catch (error) {
    throw translated(error, faults);
  }
}

async function list(link: Link, signal: AbortSignal): Promise<readonly ModelInfo[]> {
  const { dialect, ask, options } = link;
  const faults = link.faultsAbout(undefined);
  const json = async (request: Pick<Request, "path" | "query" | "body">): Promise<unknown> => {
    signal.throwIfAborted();
    await using answer = await ask({ ...request, signal, faults });
    return await readJson(answer);
  };
  try {
    const models = await dialect.models({
      get: (path, query = "") => json({ path, query }),
      post: (path, body) => json({ path, body: JSON.stringify(body) }),
    });
    const known = models.filter(({ model }) => model.length <= MAX_MODEL_NAME).slice(0, MAX_MODELS);
    return known.map((info) => narrowed(info, options.contextWindow, dialect.usualContext));
  } catch (error) {
    throw translated(error, faults);
  }
}

/** What a model gets is no more than it has, and no more than is asked for. */
function narrowed({ model, contextWindow }: ModelInfo, told: number | undefined, usual: number | undefined): ModelInfo {
  const most = told ?? usual ?? Number.POSITIVE_INFINITY;
  return { model, contextWindow: contextWindow === 0 ? (told ?? 0) : Math.min(contextWindow, most) };
}

function translated(error: unknown, faults: ProviderFaults): unknown {
  if (error instanceof Trouble) return faults.ofTrouble(error);
  return error instanceof FileProblem ? faults.refused(error.message) : error;
}

async function refuseErrors(answer: Exchange, faults: ProviderFaults, clock: Clock): Promise<void> {
  const { status, headers } = answer;
  if (status === 200) return;
  await using _ = answer;
  // What came before it broke off may still say what is wrong.
  const { text } = await bodyText(
    answer.bytes(() => true),
    MAX_ERROR_BYTES,
  );
  throw faults.ofStatus({ status, body: text, retryAfterMs: retryAfterMs(headers, clock.now()) });
}
