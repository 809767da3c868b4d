import {
  anthropicStandin,
  ollamaStandin,
  openaiStandin,
  type Script,
  type Standin,
  type StandinOptions,
} from "@stigmer/standins";
import { describe, expect, it } from "vitest";

const SCRIPT: Script = {
  turns: [{ thinking: "hm", text: "a b", toolCalls: [{ id: "c1", name: "read", arguments: { path: "a" } }] }],
};

type Body = { readonly [key: string]: unknown };

async function ask(
  open: (options: StandinOptions) => Promise<Standin>,
  path: string,
  body: Body,
  options: StandinOptions = {},
): Promise<{ status: number; type: string | null; text: string }> {
  await using standin = await open({ script: SCRIPT, ...options });
  const headers = { "anthropic-version": "2023-06-01" };
  const response = await fetch(new URL(path, standin.url), { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
}

/** The data of each event, whose name is that of its type. */
function eventsIn(text: string): Body[] {
  const events = text.split("\n\n").slice(0, -1);
  return events.map((event) => {
    const [name = "", data = ""] = event.split("\n");
    const value = JSON.parse(data.replace("data: ", ""));
    expect(name).toBe(`event: ${value.type}`);
    return value;
  });
}

const anthropic = (body: Body, options?: StandinOptions) =>
  ask(anthropicStandin, "/v1/messages", { model: "m", max_tokens: 10, messages: [USER], ...body }, options);
const responses = (body: Body, options?: StandinOptions) =>
  ask(openaiStandin, "/v1/responses", { model: "m", input: [USER], ...body }, options);
const ollama = (body: Body, options?: StandinOptions) =>
  ask(ollamaStandin, "/api/chat", { model: "m", messages: [USER], ...body }, options);

const USER = { role: "user", content: "go" };
const TOOL_USE = { type: "tool_use", id: "c1", name: "read", input: {} };
const RESULT = { type: "tool_result", tool_use_id: "c1", content: [{ type: "text", text: "x" }] };

describe("Anthropic's", () => {
  it("streams the events that Anthropic streams", async () => {
    const { type, text } = await anthropic({ stream: true });
    const events = eventsIn(text);

    expect(type).toBe("text/event-stream; charset=utf-8");
    expect(
      events.map(({ type: name, index = "", delta, content_block }) => {
        const inner = (delta ?? content_block) as Body | undefined;
        return `${name} ${index} ${inner?.type ?? ""}`.trimEnd();
      }),
    ).toEqual([
      "message_start",
      "ping",
      "content_block_start 0 thinking",
      "content_block_delta 0 thinking_delta",
      "content_block_delta 0 signature_delta",
      "content_block_stop 0",
      "content_block_start 1 text",
      "content_block_delta 1 text_delta",
      "content_block_delta 1 text_delta",
      "content_block_stop 1",
      "content_block_start 2 tool_use",
      "content_block_delta 2 input_json_delta",
      "content_block_delta 2 input_json_delta",
      "content_block_delta 2 input_json_delta",
      "content_block_stop 2",
      "message_delta",
      "message_stop",
    ]);
    expect(events.at(-2)).toMatchObject({ delta: { stop_reason: "tool_use" }, usage: { output_tokens: 3 } });
  });

  it("answers at once as Anthropic does", async () => {
    expect(JSON.parse((await anthropic({})).text)).toMatchObject({
      type: "message",
      role: "assistant",
      content: [{ type: "thinking" }, { type: "text", text: "a b" }, { ...TOOL_USE, input: { path: "a" } }],
      stop_reason: "tool_use",
    });
  });

  it.each<[string, Body]>([
    ["no limit", { max_tokens: undefined }],
    ["an unknown field", { max_completion_tokens: 5 }],
    ["a system message among the others", { messages: [{ role: "system", content: "x" }] }],
    ["the model as the first to speak", { messages: [{ role: "assistant", content: "x" }] }],
    ["empty text", { messages: [{ role: "user", content: [{ type: "text", text: " " }] }] }],
    ["a call without a result", { messages: [USER, { role: "assistant", content: [TOOL_USE] }, USER] }],
    ["a call that is the last word", { messages: [USER, { role: "assistant", content: [TOOL_USE] }] }],
    ["a result without a call", { messages: [USER, { role: "user", content: [RESULT] }] }],
    [
      "a result after other words",
      {
        messages: [
          USER,
          { role: "assistant", content: [TOOL_USE] },
          { role: "user", content: [{ type: "text", text: "x" }, RESULT] },
        ],
      },
    ],
    ["a thought that leads nowhere", { messages: [USER, { role: "assistant", content: [thought()] }] }],
    ["a thought with a wrong seal", { messages: [USER, { role: "assistant", content: [thought("x"), said()] }] }],
    ["five marks for the cache", { system: Array.from({ length: 5 }, () => ({ ...said(), cache_control: {} })) }],
    ["a budget above the limit", { thinking: { type: "enabled", budget_tokens: 1024 } }],
    ["a tool without a schema", { tools: [{ name: "read" }] }],
    ["an open schema", { output_config: { format: { type: "json_schema", schema: { type: "object" } } } }],
  ])("refuses %s", async (_, body) => {
    const { status, text } = await anthropic(body);

    expect([status, JSON.parse(text)]).toMatchObject([
      400,
      { type: "error", error: { type: "invalid_request_error", message: expect.any(String) } },
    ]);
  });

  it.each([
    [401, "authentication_error"],
    [404, "not_found_error"],
    [413, "request_too_large"],
    [429, "rate_limit_error"],
    [529, "overloaded_error"],
  ])("says %i in its own words", async (status, type) => {
    expect(JSON.parse((await anthropic({}, { refuse: { status } })).text)).toMatchObject({ error: { type } });
  });
});

function thought(signature = "sig_1"): Body {
  return { type: "thinking", thinking: "hm", signature };
}

function said(): Body {
  return { type: "text", text: "x" };
}

describe("OpenAI's responses", () => {
  it("stream the events that OpenAI streams, numbered", async () => {
    const { type, text } = await responses({ stream: true });
    const events = eventsIn(text);

    expect(type).toBe("text/event-stream; charset=utf-8");
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    expect(events.map(({ type: name, output_index = "" }) => `${name} ${output_index}`.trimEnd())).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added 0",
      "response.reasoning_summary_part.added 0",
      "response.reasoning_summary_text.delta 0",
      "response.reasoning_summary_text.done 0",
      "response.reasoning_summary_part.done 0",
      "response.output_item.done 0",
      "response.output_item.added 1",
      "response.content_part.added 1",
      "response.output_text.delta 1",
      "response.output_text.delta 1",
      "response.output_text.done 1",
      "response.content_part.done 1",
      "response.output_item.done 1",
      "response.output_item.added 2",
      "response.function_call_arguments.delta 2",
      "response.function_call_arguments.delta 2",
      "response.function_call_arguments.done 2",
      "response.output_item.done 2",
      "response.completed",
    ]);
    expect(events.at(-1)?.response).toEqual(JSON.parse((await responses({})).text));
  });

  it.each<[string, Body]>([
    ["no input", { input: [] }],
    ["an unknown field", { messages: [] }],
    ["too few tokens", { max_output_tokens: 5 }],
    ["an output without a call", { input: [USER, { type: "function_call_output", call_id: "c1", output: "x" }] }],
    ["a call without an output", { input: [USER, { type: "function_call", call_id: "c1", name: "x", arguments: "" }] }],
    ["a thought that leads nowhere", { input: [{ type: "reasoning", id: "rs_1", summary: [] }, USER] }],
    ["a part of chat completions", { input: [{ role: "user", content: [{ type: "text", text: "x" }] }] }],
    ["a tool of chat completions", { tools: [{ type: "function", function: { name: "x" } }] }],
  ])("refuse %s", async (_, body) => {
    const { status, text } = await responses(body);

    expect([status, JSON.parse(text)]).toMatchObject([400, { error: { type: "invalid_request_error" } }]);
  });
});

describe("Ollama's", () => {
  it("streams a line for each piece, unless it is told not to", async () => {
    const { type, text } = await ollama({});
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));

    expect(type).toBe("application/x-ndjson");
    expect(lines.map(({ message, done }) => [message, done])).toEqual([
      [{ role: "assistant", content: "", thinking: "hm" }, false],
      [{ role: "assistant", content: "a" }, false],
      [{ role: "assistant", content: " b" }, false],
      [{ role: "assistant", content: "", tool_calls: [CALL] }, false],
      [{ role: "assistant", content: "" }, true],
    ]);
    expect(JSON.parse((await ollama({ stream: false })).text)).toMatchObject({
      message: { role: "assistant", content: "a b", thinking: "hm", tool_calls: [CALL] },
      done: true,
      done_reason: "stop",
    });
  });

  it.each<[string, Body]>([
    ["no model", { model: "" }],
    ["a role that it does not know", { messages: [{ role: "developer", content: "x" }] }],
    ["a list for content", { messages: [{ role: "user", content: [] }] }],
    ["arguments in a text", { messages: [{ ...CALLED, tool_calls: [{ function: { name: "x", arguments: "{}" } }] }] }],
    ["an effort that it does not know", { think: "hard" }],
  ])("refuses %s", async (_, body) => {
    const { status, text } = await ollama(body);

    expect([status, JSON.parse(text)]).toEqual([400, { error: expect.any(String) }]);
  });
});

const CALL = { id: "c1", function: { index: 0, name: "read", arguments: { path: "a" } } };
const CALLED = { role: "assistant", content: "" };
