import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a model is asked, in the words of chat completions. */
export type Asked = {
  readonly messages: readonly { readonly role: string; readonly content?: unknown; readonly tool_calls?: unknown }[];
  readonly tools?: readonly unknown[];
  readonly response_format?: unknown;
};

/** What it says: a text, a call of `update_todos` with items of so many characters, or a failure with a status. */
export type Said =
  | { readonly text: string; readonly tokens?: number }
  | { readonly items: number; readonly tokens?: number }
  | { readonly status: number; readonly code?: string };

/** A model whose answers a test decides on, request by request. */
export interface DecidingModel extends AsyncDisposable {
  /**
   * What `config.yaml` says to use it as the default model, which takes so many tokens; 0 says nothing of that. It is `other/m` as
   * well, of which nothing is said.
   */
  config(contextWindow: number): string;
  readonly asked: readonly Asked[];
}

export async function startDecidingModel(decide: (asked: Asked) => Said | Promise<Said>): Promise<DecidingModel> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      if (request.method !== "POST") return void response.writeHead(404).end();
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Asked;
      asked.push(body);
      answer(response, await decide(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return {
    asked,
    config(contextWindow) {
      const window = contextWindow > 0 ? `, contextWindow: ${contextWindow}` : "";
      const providers = `openai-compatible: { baseUrl: "${url}"${window} }, other: { baseUrl: "${url}" }`;
      return `model: openai-compatible/m\nproviders: { ${providers} }\n`;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(response: ServerResponse, said: Said): void {
  if ("status" in said) {
    const error = { message: "no", type: "invalid_request_error", code: said.code ?? null };
    response.writeHead(said.status, { "content-type": "application/json" }).end(JSON.stringify({ error }));
    return;
  }
  const { tokens = 100 } = said;
  const usage = { prompt_tokens: tokens - 1, completion_tokens: 1, total_tokens: tokens };
  const head = { id: "c", object: "chat.completion.chunk", created: 1, model: "m" };
  const last = { index: 0, delta: {}, finish_reason: "text" in said ? "stop" : "tool_calls" };
  const chunks = [
    { ...head, choices: [{ index: 0, delta: deltaOf(said), finish_reason: null }] },
    { ...head, choices: [last] },
    { ...head, choices: [], usage },
  ];
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  response.end("data: [DONE]\n\n");
}

let calls = 0;

function deltaOf(said: Exclude<Said, { readonly status: number }>): object {
  if ("text" in said) return { role: "assistant", content: said.text };
  calls += 1;
  const todos = Array.from({ length: said.items }, (_, at) => ({
    text: `${calls}.${at} `.padEnd(400, "x"),
    state: "pending",
  }));
  const call = { name: "update_todos", arguments: JSON.stringify({ todos }) };
  return { role: "assistant", tool_calls: [{ index: 0, id: `call-${calls}`, type: "function", function: call }] };
}
