import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openaiStandin } from "@stigmer/standins";
import { expect, it } from "vitest";

const SCRIPT = { turns: [{ text: "let me look", toolCalls: [{ id: "c1", name: "read", arguments: { path: "a" } }] }] };
const USER = { role: "user", content: "go" };
const CALL = { id: "c1", type: "function", function: { name: "read", arguments: "{}" } };
const CALLS = { role: "assistant", content: null, tool_calls: [CALL] };
const RESULT = { role: "tool", tool_call_id: "c1", content: "x" };

async function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${url}/chat/completions`, { method: "POST", headers, body: JSON.stringify(body) });
}

it("streams the chunks that OpenAI streams", async () => {
  await using standin = await openaiStandin({ script: SCRIPT });
  const options = { stream: true, stream_options: { include_usage: true } };
  const response = await post(standin.url, { model: "m", messages: [USER], ...options });
  const events = (await response.text()).split("\n\n");

  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(events.slice(-2)).toEqual(["data: [DONE]", ""]);
  const chunks = events.slice(0, -2).map((event) => JSON.parse(event.replace(/^data: /, "")));
  expect(new Set(chunks.map(({ id, object, usage }) => `${id} ${object} ${usage && "usage"}`))).toEqual(
    new Set(["chatcmpl-standin-1 chat.completion.chunk null", "chatcmpl-standin-1 chat.completion.chunk usage"]),
  );
  const choice = (delta: object) => [{ index: 0, delta, logprobs: null, finish_reason: null }];
  const fragment = (text: string) => choice({ tool_calls: [{ index: 0, function: { arguments: text } }] });
  const opened = { index: 0, id: "c1", type: "function", function: { name: "read", arguments: "" } };
  expect(chunks.map(({ choices }) => choices)).toEqual([
    choice({ role: "assistant", content: "", refusal: null }),
    choice({ content: "let" }),
    choice({ content: " me" }),
    choice({ content: " look" }),
    choice({ tool_calls: [opened] }),
    fragment('{"path'),
    fragment('":"a"}'),
    [{ index: 0, delta: {}, logprobs: null, finish_reason: "tool_calls" }],
    [],
  ]);
  expect(chunks.at(-1).usage).toMatchObject({ prompt_tokens: 1, completion_tokens: 4, total_tokens: 5 });
});

it("answers in one piece where no stream is asked for", async () => {
  await using standin = await openaiStandin({ script: SCRIPT });
  const response = await post(standin.url, { model: "m", messages: [USER] });

  expect(await response.json()).toMatchObject({
    object: "chat.completion",
    choices: [
      {
        message: {
          role: "assistant",
          content: "let me look",
          tool_calls: [{ id: "c1", type: "function", function: { name: "read", arguments: '{"path":"a"}' } }],
        },
        finish_reason: "tool_calls",
      },
    ],
    usage: { prompt_tokens: 1 },
  });
});

it.each([
  ["no model", { messages: [USER] }, null],
  ["no messages", { model: "m", messages: [] }, "messages"],
  ["an empty list of tools", { model: "m", messages: [USER], tools: [] }, "tools"],
  ["a result without a call", { model: "m", messages: [USER, RESULT] }, "messages.[1].role"],
  ["a second result of one call", { model: "m", messages: [USER, CALLS, RESULT, RESULT] }, "messages.[3].role"],
  ["a call without a result", { model: "m", messages: [USER, CALLS, USER] }, "messages.[2].role"],
  ["a call that is the last word", { model: "m", messages: [USER, CALLS] }, "messages.[2].role"],
  ["one turn too many", { model: "m", messages: [USER, CALLS, RESULT] }, null],
])("refuses %s", async (_, body, param) => {
  await using standin = await openaiStandin({ script: SCRIPT });
  const response = await post(standin.url, body);

  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({
    error: { message: expect.any(String), type: "invalid_request_error", param, code: null },
  });
});

it("records requests without the key's value, and lists its models", async () => {
  await using standin = await openaiStandin({ script: SCRIPT, apiKey: "sk-1" });
  const headers = { authorization: "Bearer sk-1" };
  await post(standin.url, { model: "m", messages: [USER] }, headers);
  const models = await fetch(`${standin.url}/models`, { headers });

  expect(standin.requests).toMatchObject([
    { method: "POST", path: "/v1/chat/completions", headers: { authorization: "Bearer ***" }, body: { model: "m" } },
  ]);
  expect(await models.json()).toMatchObject({ object: "list", data: [{ id: "standin", object: "model" }] });
});

it("runs as a process that prints its url, and ends when told", async () => {
  const dir = await mkdtemp(join(tmpdir(), "stigmer-standin-"));
  await writeFile(join(dir, "demo.yaml"), "turns:\n  - text: hello\n");
  const main = join(fileURLToPath(import.meta.resolve("@stigmer/standins")), "..", "main.ts");
  const child = spawn(process.execPath, [main, "--script", join(dir, "demo.yaml"), "--port", "0"]);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { url } = JSON.parse(line.toString());

  expect(await (await post(url, { model: "m", messages: [USER] })).json()).toMatchObject({
    choices: [{ message: { content: "hello" } }],
  });
  expect(await (await fetch(new URL("/requests", url))).json()).toMatchObject([{ body: { model: "m" } }]);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  await rm(dir, { recursive: true });
});
