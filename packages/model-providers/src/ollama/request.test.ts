import { create } from "@bufbuild/protobuf";
import { ModelOptionsSchema, ThinkingEffort } from "@stigmer/contracts/agentic";
import { ToolSpecSchema } from "@stigmer/contracts/gateway";
import type { ModelRequest } from "@stigmer/gateway/port";
import { describe, expect, it } from "vitest";
import { asked } from "../asked.fake.ts";
import { assistant, called, results, user } from "../vendors.fake.ts";
import { ollamaRequest } from "./request.ts";

const READ = create(ToolSpecSchema, { name: "read" });

function mapped(fields: Partial<ModelRequest>, contextWindow?: number) {
  const asking = { provider: "mine", files: new Map(), stream: true, contextWindow };
  return ollamaRequest(asked({ model: "qwen3", messages: [user("go")], ...fields }), asking);
}

it("lets nothing be left out in silence, and maps calls with their arguments as objects", () => {
  const messages = [user("go"), assistant("hm", ...called("c1", '{"x":1}').parts), results([{ id: "c1" }])];
  const body = mapped({ messages, tools: [READ] });

  expect(body).toMatchObject({ truncate: false, shift: false, stream: true });
  expect(body.messages).toEqual([
    { role: "user", content: "go" },
    {
      role: "assistant",
      content: "hm",
      tool_calls: [{ id: "c1", function: { index: 0, name: "read", arguments: { x: 1 } } }],
    },
    { role: "tool", tool_call_id: "c1", tool_name: "read", content: "42" },
  ]);
});

describe("context", () => {
  const contextOf = (text: string, options?: ModelRequest["options"], told?: number) =>
    (mapped({ messages: [user(text)], options }, told).options as { num_ctx: number }).num_ctx;

  it("is as much as the user says", () => {
    expect(contextOf("x".repeat(1_000_000), undefined, 4096)).toBe(4096);
  });

  it("grows with the conversation in powers of two, within bounds", () => {
    expect([1, 30_000, 100_000, 1_000_000].map((length) => contextOf("x".repeat(length)))).toEqual([
      8_192, 16_384, 65_536, 131_072,
    ]);
  });

  it("has room for the answer", () => {
    expect(contextOf("x", create(ModelOptionsSchema, { maxOutputTokens: 20_000n }))).toBe(32_768);
  });
});

it("says how the model is asked in Ollama's words", () => {
  const options = create(ModelOptionsSchema, { temperature: 0, maxOutputTokens: 100n, thinking: ThinkingEffort.LOW });
  const think = (model: string, thinking: ThinkingEffort) =>
    mapped({ model, options: create(ModelOptionsSchema, { thinking }) }).think;

  expect(mapped({ options })).toMatchObject({ think: true, options: { temperature: 0, num_predict: 100 } });
  expect(think("qwen3", ThinkingEffort.NONE)).toBe(false);
  expect(think("gpt-oss:20b", ThinkingEffort.HIGH)).toBe("high");
  expect(think("gpt-oss:20b", ThinkingEffort.NONE)).toBe("low");
  expect(think("qwen3", ThinkingEffort.UNSPECIFIED)).toBeUndefined();
});

it("is held to a schema where there are no tools, and told of it in words where there are", () => {
  const outputSchema = '{"type":"object"}';

  expect(mapped({ outputSchema }).format).toEqual({ type: "object" });
  const offered = mapped({ outputSchema, tools: [READ] });
  expect(offered.format).toBeUndefined();
  expect(JSON.stringify(offered.messages)).toContain("fits this JSON schema");
});
