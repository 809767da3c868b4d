import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ModelOptionsSchema, ThinkingEffort } from "@stigmer/contracts/agentic";
import { ToolSpecSchema } from "@stigmer/contracts/gateway";
import type { ModelRequest } from "@stigmer/gateway/port";
import { describe, expect, it } from "vitest";
import { asked } from "../asked.fake.ts";
import { assistant, called, results, system, user } from "../vendors.fake.ts";
import { messagesRequest } from "./request.ts";

const CACHED = { cache_control: { type: "ephemeral" } };
const READ = create(ToolSpecSchema, { name: "read" });

function mapped(fields: Partial<ModelRequest>) {
  const asking = { provider: "mine", files: new Map(), stream: true, contextWindow: undefined };
  return messagesRequest(asked({ model: "claude-sonnet-4-5", messages: [user("go")], ...fields }), asking);
}

function optionsOf(model: string, init: MessageInitShape<typeof ModelOptionsSchema>) {
  const options = create(ModelOptionsSchema, init);
  const { thinking, temperature, output_config, max_tokens } = mapped({ model, options });
  return { thinking, temperature, output_config, max_tokens };
}

describe("the provider's cache", () => {
  it("ends after the instructions, and after each of the user's last two words", () => {
    const messages = [system("be brief"), user("one"), assistant("1"), user("two"), assistant("2"), user("three")];
    const body = mapped({ messages, tools: [READ] });

    expect(body.tools).toEqual([{ name: "read", input_schema: { type: "object", properties: {} } }]);
    expect(body.system).toEqual([{ type: "text", text: "be brief", ...CACHED }]);
    expect(body.messages).toEqual([
      { role: "user", content: [{ type: "text", text: "one" }] },
      { role: "assistant", content: [{ type: "text", text: "1" }] },
      { role: "user", content: [{ type: "text", text: "two", ...CACHED }] },
      { role: "assistant", content: [{ type: "text", text: "2" }] },
      { role: "user", content: [{ type: "text", text: "three", ...CACHED }] },
    ]);
  });

  it("ends after the tools where there are no instructions", () => {
    expect(mapped({ tools: [READ, READ] }).tools).toMatchObject([{ name: "read" }, { name: "read", ...CACHED }]);
  });
});

describe("a conversation", () => {
  it("has results right after their calls, before what the user says then", () => {
    const messages = [user("go"), assistant("hm", ...called("a").parts, ...called("b").parts)];
    const body = mapped({ messages: [...messages, results([{ id: "a" }]), results([{ id: "b" }]), user("and?")] });

    expect(body.messages).toMatchObject([
      { role: "user" },
      { role: "assistant", content: [{ type: "text" }, { type: "tool_use", id: "a" }, { type: "tool_use", id: "b" }] },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "a", content: [{ type: "text", text: "42" }] },
          { type: "tool_result", tool_use_id: "b" },
          { type: "text", text: "and?", ...CACHED },
        ],
      },
    ]);
  });

  it("leaves out what is empty, which the provider refuses", () => {
    const { messages, system: instructions } = mapped({ messages: [system(" "), user("", "go"), assistant("")] });

    expect([instructions, messages]).toMatchObject([undefined, [{ content: [{ text: "go" }] }]]);
  });

  it("gives thoughts back as they came, those that only the provider can read as well", () => {
    const thought = { text: "hm", signature: "sig_1", provider: "mine" };
    const sealed = { signature: "enc", provider: "mine", redacted: true };
    const silent = { signature: "sig_2", provider: "mine" };
    const thoughts = [thought, sealed, silent].map((value) => ({ part: { case: "thinking" as const, value } }));
    const { messages } = mapped({ messages: [user("go"), assistant(...thoughts, "done")] });

    expect(messages).toMatchObject([
      {},
      {
        content: [
          { type: "thinking", thinking: "hm", signature: "sig_1" },
          { type: "redacted_thinking", data: "enc" },
          { type: "thinking", thinking: "", signature: "sig_2" },
          { type: "text" },
        ],
      },
    ]);
  });
});

describe("how a model thinks", () => {
  it.each([
    ["claude-3-haiku-20240307", ThinkingEffort.HIGH, undefined, undefined],
    ["claude-3-7-sonnet-20250219", ThinkingEffort.LOW, { type: "enabled", budget_tokens: 2048 }, undefined],
    ["claude-sonnet-4-5-20250929", ThinkingEffort.HIGH, { type: "enabled", budget_tokens: 24_576 }, undefined],
    ["claude-opus-4-20250514", ThinkingEffort.NONE, { type: "disabled" }, undefined],
    ["claude-opus-4-6", ThinkingEffort.MEDIUM, { type: "adaptive" }, { effort: "medium" }],
    ["claude-opus-4-6", ThinkingEffort.NONE, { type: "disabled" }, undefined],
    ["claude-opus-4-7", ThinkingEffort.NONE, undefined, { effort: "low" }],
    ["claude-of-tomorrow", ThinkingEffort.HIGH, { type: "adaptive" }, { effort: "high" }],
    ["claude-of-tomorrow", ThinkingEffort.UNSPECIFIED, undefined, undefined],
  ])("is said to %s, told %i, as it knows it", (model, effort, thinking, output_config) => {
    expect(optionsOf(model, { thinking: effort })).toMatchObject({ thinking, output_config });
  });

  it("leaves room for the answer, and does not happen where there is none", () => {
    const model = "claude-sonnet-4-5";

    expect(optionsOf(model, { thinking: ThinkingEffort.HIGH, maxOutputTokens: 4096n })).toMatchObject({
      max_tokens: 4096,
      thinking: { budget_tokens: 3072 },
    });
    expect(optionsOf(model, { thinking: ThinkingEffort.HIGH, maxOutputTokens: 1500n }).thinking).toBeUndefined();
  });

  it("keeps a temperature away, and so does a model that takes none", () => {
    const temperature = 1.5;

    expect(optionsOf("claude-sonnet-4-5", { temperature }).temperature).toBe(1);
    expect(optionsOf("claude-sonnet-4-5", { temperature, thinking: ThinkingEffort.LOW }).temperature).toBeUndefined();
    expect(optionsOf("claude-opus-4-7", { temperature }).temperature).toBeUndefined();
  });
});

it.each([
  ["claude-3-opus-20240229", 4096],
  ["claude-3-5-sonnet-20241022", 8192],
  ["claude-haiku-4-5", 32_000],
])("asks %s for no more tokens than it gives", (model, most) => {
  expect(mapped({ model }).max_tokens).toBe(most);
});

describe("an answer that fits a schema", () => {
  const closed = { type: "object", properties: { a: { type: "string" } }, additionalProperties: false };

  it("is asked for as such where model and schema allow it", () => {
    const { output_config } = mapped({ outputSchema: JSON.stringify(closed) });

    expect(output_config).toEqual({ format: { type: "json_schema", schema: closed } });
  });

  it.each([
    ["claude-3-haiku-20240307", closed],
    ["claude-sonnet-4-5", { ...closed, additionalProperties: true }],
    ["claude-sonnet-4-5", { ...closed, properties: { a: { type: "object" } } }],
  ])("is asked for in words otherwise: %s", (model, schema) => {
    const body = mapped({ model, outputSchema: JSON.stringify(schema) });

    expect(body.output_config).toBeUndefined();
    expect(JSON.stringify(body.system)).toContain("fits this JSON schema");
  });
});
