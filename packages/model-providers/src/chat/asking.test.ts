import { create } from "@bufbuild/protobuf";
import { ModelOptionsSchema, ThinkingEffort } from "@stigmer/contracts/agentic";
import { ToolSpecSchema } from "@stigmer/contracts/gateway";
import type { ModelRequest } from "@stigmer/gateway/port";
import { describe, expect, it } from "vitest";
import { asked } from "../asked.fake.ts";
import { assistant, called, results, user } from "../vendors.fake.ts";
import { chatRequest } from "./request.ts";

const READ = create(ToolSpecSchema, { name: "read" });
const PICTURE = new Uint8Array([1, 2, 3]);
const digest = `sha256:${"a".repeat(64)}`;

function mapped(fields: Partial<ModelRequest>, official: boolean) {
  const files = new Map([[digest, PICTURE]]);
  const asking = { provider: "mine", files, stream: false, contextWindow: undefined, official };
  return chatRequest(asked({ model: "gpt-5", messages: [user("go")], ...fields }), asking);
}

function picture(name: string) {
  return { name, mediaType: "image/png", digest, size: 3n };
}

it("asks for no stream where none is wanted", () => {
  expect(mapped({}, true)).toEqual({ model: "gpt-5", messages: [{ role: "user", content: "go" }], stream: false });
});

describe("how a model is asked", () => {
  const options = create(ModelOptionsSchema, {
    temperature: 0.5,
    maxOutputTokens: 300n,
    thinking: ThinkingEffort.MEDIUM,
  });

  it.each([
    ["gpt-5", true, { reasoning_effort: "medium", max_completion_tokens: 300 }],
    ["gpt-4.1", true, { temperature: 0.5, max_completion_tokens: 300 }],
    ["gpt-5-chat-latest", true, { temperature: 0.5, max_completion_tokens: 300 }],
    ["qwen3", false, { temperature: 0.5, reasoning_effort: "medium", max_tokens: 300 }],
  ])("is said in what %s knows", (model, official, expected) => {
    const { messages, stream, model: _, ...rest } = mapped({ model, options }, official);

    expect(rest).toEqual(expected);
  });
});

describe("an answer that fits a schema", () => {
  const schema = { type: "object", properties: {}, additionalProperties: false };
  const outputSchema = JSON.stringify(schema);

  it("is asked for as such", () => {
    const expected = { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };

    expect(mapped({ outputSchema, tools: [READ] }, true).response_format).toEqual(expected);
    expect(mapped({ outputSchema }, false).response_format).toEqual(expected);
  });

  it("is asked for in words where a compatible server would call no tool any more", () => {
    const { response_format, messages } = mapped({ outputSchema, tools: [READ] }, false);

    expect(response_format).toBeUndefined();
    expect(messages).toMatchObject([{ role: "user" }, { role: "system", content: expect.stringContaining("schema") }]);
  });
});

it("shows what a tool returned after all its answers, as if the user had sent it", () => {
  const calls = assistant(...called("a").parts, ...called("b").parts);
  const seen = results([{ id: "a" }, { id: "b" }], [picture("a.png")]);
  const { messages } = mapped({ messages: [user("go"), calls, seen] }, true);

  expect(messages).toMatchObject([
    { role: "user" },
    { role: "assistant" },
    { role: "tool", tool_call_id: "a" },
    { role: "tool", tool_call_id: "b" },
    {
      role: "user",
      content: [
        { type: "text", text: "Returned by the tool call a:" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AQID" } },
        { type: "text" },
        { type: "image_url" },
      ],
    },
  ]);
});

it("gives thoughts back until the user speaks again", () => {
  const thought = { part: { case: "thinking" as const, value: { text: "hm", provider: "mine" } } };
  const messages = [user("go"), assistant(thought, ...called("a").parts), results([{ id: "a" }])];
  const [now, later] = [messages, [...messages, assistant("done"), user("and?")]].map(
    (all) => mapped({ messages: all }, false).messages,
  );

  expect(now).toMatchObject([{}, { reasoning_content: "hm" }, {}]);
  expect(JSON.stringify(later)).not.toContain("reasoning_content");
});
