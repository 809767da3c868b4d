import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import { chunksOf, completionOf } from "./chat-answer.ts";
import { type ChatBody, complaintOf } from "./check-chat.ts";
import { type RecordedRequest, recordRequest } from "./recorded-request.ts";
import { type Raw, type Script, type Turn, turnOf } from "./script.ts";

/**
 * How the stand-in misbehaves.
 * - `unauthorized`, `rate-limited`, `failing`: 401, 429 with `Retry-After: 1`, 500
 * - `json`: ignores `stream`
 * - `rubbish`: an event stream whose data is not JSON
 * - `wrong-content-type`: a web page
 * - `cut`: the connection breaks in the middle of an event, before the finish reason
 * - `mute`: never answers; `silence`: falls silent after the first chunk
 * - `split`: each event comes in three writes
 */
export type Mode = (typeof MODES)[number];

export const MODES = [
  "answer",
  "unauthorized",
  "rate-limited",
  "failing",
  "json",
  "rubbish",
  "wrong-content-type",
  "cut",
  "mute",
  "silence",
  "split",
] as const;

export type Handler = (body: ChatBody, request: RecordedRequest) => Turn | Raw;

export type StandinOptions = {
  /** What it says; or, where it depends on more than the turn, a function. */
  readonly script?: Script;
  readonly handler?: Handler;
  readonly mode?: Mode;
  /** How many requests the mode holds for; later ones are answered well. All, unless told. */
  readonly times?: number;
  /** Key that requests must carry; any or none, unless told. */
  readonly apiKey?: string;
  /** Models that it knows; any, unless told. */
  readonly models?: readonly string[];
  /** Port on 127.0.0.1; a free one unless told. */
  readonly port?: number;
};

/** A server that speaks OpenAI's chat completions. Disposing ends it and every open connection. */
export interface OpenaiStandin extends AsyncDisposable {
  /** Base URL, `http://127.0.0.1:<port>/v1`. */
  readonly url: string;
  /** Chat requests so far. `GET /requests` answers with them too, for who started it as a process. */
  readonly requests: readonly RecordedRequest[];
}

export async function openaiStandin(options: StandinOptions): Promise<OpenaiStandin> {
  const requests: RecordedRequest[] = [];
  const server = createServer((incoming, response) => {
    // A reader that goes away is not an error of the stand-in.
    response.on("error", () => {});
    void answer(incoming, response, { options, requests }).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type State = { readonly options: StandinOptions; readonly requests: RecordedRequest[] };

async function answer(incoming: IncomingMessage, response: ServerResponse, state: State): Promise<void> {
  const { options, requests } = state;
  const request = await recordRequest(incoming);
  const route = `${request.method} ${request.path.split("?")[0]}`;
  if (route === "GET /requests") return sendJson(response, requests);
  if (options.apiKey !== undefined && incoming.headers.authorization !== `Bearer ${options.apiKey}`) {
    return sendError(response, { ...WRONG_KEY, status: 401 });
  }
  if (route === "GET /v1/models") return sendJson(response, modelList(options.models ?? ["standin"]));
  if (route !== "POST /v1/chat/completions") {
    const message = `Invalid URL (${request.method} ${request.path})`;
    return sendError(response, { status: 404, message, type: "invalid_request_error" });
  }
  requests.push(request);
  await answerChat(request, response, state);
}

async function answerChat(request: RecordedRequest, response: ServerResponse, state: State): Promise<void> {
  const { options, requests } = state;
  const complaint = complaintOf(request.body);
  if (complaint) return sendError(response, { status: 400, type: "invalid_request_error", ...complaint });
  const body = request.body as ChatBody;
  if (options.models && !options.models.includes(body.model)) {
    const message = `The model \`${body.model}\` does not exist or you do not have access to it.`;
    return sendError(response, { status: 404, message, type: "invalid_request_error", code: "model_not_found" });
  }
  const mode = requests.length <= (options.times ?? Number.POSITIVE_INFINITY) ? (options.mode ?? "answer") : "answer";
  const turn = options.handler?.(body, request) ?? turnOf(options.script ?? { turns: [] }, body.messages);
  if ("body" in turn) return await sendRaw(response, turn);
  const refusal = mode === "answer" && turn.error ? scriptedError(turn.error) : REFUSALS[mode];
  if (refusal) return sendError(response, refusal);
  const id = { number: requests.length, body };
  if (mode === "json" || body.stream !== true) return sendJson(response, completionOf(turn, id));
  await sendStream(response, chunksOf(turn, id), { mode, delayMs: turn.delayMs ?? 0 });
}

type Refusal = {
  readonly status: number;
  readonly message: string;
  readonly type: string;
  readonly param?: string | null;
  readonly code?: string;
  readonly retryAfterMs?: number | undefined;
};

const WRONG_KEY = {
  message:
    "Incorrect API key provided: sk-st***in. You can find your API key at https://platform.openai.com/account/api-keys.",
  type: "invalid_request_error",
  code: "invalid_api_key",
};

const REFUSALS: Partial<Record<Mode, Refusal>> = {
  unauthorized: { ...WRONG_KEY, status: 401 },
  "rate-limited": {
    status: 429,
    message: "Rate limit reached for requests. Please try again in 1s.",
    type: "requests",
    code: "rate_limit_exceeded",
    retryAfterMs: 1000,
  },
  failing: {
    status: 500,
    message: "The server had an error while processing your request. Sorry about that!",
    type: "server_error",
  },
};

function scriptedError({
  status = 500,
  message = "the script says so",
  retryAfterMs,
}: NonNullable<Turn["error"]>): Refusal {
  return { status, message, type: status < 500 ? "invalid_request_error" : "server_error", retryAfterMs };
}

function sendError(response: ServerResponse, refusal: Refusal): void {
  const { status, message, type, param = null, code = null, retryAfterMs } = refusal;
  if (retryAfterMs !== undefined) response.setHeader("retry-after", String(Math.ceil(retryAfterMs / 1000)));
  sendJson(response, { error: { message, type, param, code } }, status);
}

function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

async function sendRaw(response: ServerResponse, { status = 200, headers = {}, body }: Raw): Promise<void> {
  response.writeHead(status, { "content-type": "text/event-stream; charset=utf-8", ...headers });
  for (const piece of typeof body === "string" ? [body] : body) await write(response, piece);
  response.end();
}

type StreamOptions = { readonly mode: Mode; readonly delayMs: number };

async function sendStream(response: ServerResponse, chunks: object[], { mode, delayMs }: StreamOptions): Promise<void> {
  if (mode === "mute") return;
  if (mode === "wrong-content-type") {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end("<!doctype html><title>Welcome</title>");
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
  for (const [index, chunk] of chunks.entries()) {
    if (delayMs > 0) await setTimeout(delayMs);
    if (response.destroyed) return;
    const event = `data: ${mode === "rubbish" ? "{rubbish" : JSON.stringify(chunk)}\n\n`;
    if (mode === "cut" && index === chunks.length - 2) return await breakOff(response, event);
    for (const piece of mode === "split" ? thirds(event) : [event]) await write(response, piece);
    if (mode === "silence") return;
  }
  response.end("data: [DONE]\n\n");
}

async function breakOff(response: ServerResponse, event: string): Promise<void> {
  await write(response, event.slice(0, event.length / 2));
  response.destroy();
}

function thirds(event: string): string[] {
  const third = Math.ceil(event.length / 3);
  return [event.slice(0, third), event.slice(third, 2 * third), event.slice(2 * third)];
}

// Waits until the piece has left, so that the next one is another segment.
async function write(response: ServerResponse, piece: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => {
    response.write(piece, () => setImmediate(resolve));
  });
}

function modelList(models: readonly string[]): object {
  const data = models.map((id) => ({ id, object: "model", created: 1_700_000_000, owned_by: "standin" }));
  return { object: "list", data };
}
