import { create } from "@bufbuild/protobuf";
import { ModelOptionsSchema, ThinkingEffort } from "@stigmer/contracts/agentic";
import { ToolSpecSchema } from "@stigmer/contracts/gateway";
import type { ModelRequest } from "@stigmer/gateway/port";
import { describe, expect, it } from "vitest";
import { asked } from "../asked.fake.ts";
import { assistant, called, results, system, user } from "../vendors.fake.ts";
import { responsesRequest } from "./request.ts";

function mapped(fields: Partial<ModelRequest>, official = true) {
  const asking = { provider: "mine", files: new Map(), stream: true, contextWindow: undefined, official };
  return responsesRequest(asked({ model: "gpt-5", messages: [user("go")], ...fields }), asking);
}

it("keeps nothing at the provider, and asks for thoughts in a form that can be sent back", () => {
  expect(mapped({})).toEqual({
    model: "gpt-5",
    input: [{ role: "user", content: "go" }],
    include: ["reasoning.encrypted_content"],
    store: false,
    stream: true,
  });
  expect(mapped({ model: "gpt-4.1" })).not.toHaveProperty("include");
  expect(mapped({}, false)).not.toHaveProperty("include");
});

it("maps a whole conversation to items", () => {
  const signature = JSON.stringify({ id: "rs_1", encrypted_content: "enc" });
  const thinking = { part: { case: "thinking" as const, value: { text: "hm", signature, provider: "mine" } } };
  const tools = [create(ToolSpecSchema, { name: "read", description: "Reads" })];
  const messages = [system("be brief"), user("go"), assistant(thinking, "let me", ...called("c1", '{"x":1}').parts)];
  const body = mapped({ messages: [...messages, results([{ id: "c1" }])], tools });

  expect(body.input).toEqual([
    { role: "system", content: "be brief" },
    { role: "user", content: "go" },
    { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }], encrypted_content: "enc" },
    { role: "assistant", content: "let me" },
    { type: "function_call", call_id: "c1", name: "read", arguments: '{"x":1}' },
    { type: "function_call_output", call_id: "c1", output: "42" },
  ]);
  expect(body.tools).toEqual([
    {
      type: "function",
      name: "read",
      description: "Reads",
      parameters: { type: "object", properties: {} },
      strict: false,
    },
  ]);
});

it("leaves out thoughts that have no seal of this API", () => {
  const value = { text: "hm", signature: "sig_1", provider: "mine" };
  const { input } = mapped({ messages: [user("go"), assistant({ part: { case: "thinking", value } }, "done")] });

  expect(input).toEqual([
    { role: "user", content: "go" },
    { role: "assistant", content: "done" },
  ]);
});

describe("how the model is asked", () => {
  const options = create(ModelOptionsSchema, {
    temperature: 0.5,
    maxOutputTokens: 3n,
    thinking: ThinkingEffort.HIGH,
  });

  it("is told in what the model knows: effort where it thinks, temperature where it does not", () => {
    const { reasoning, temperature, max_output_tokens } = mapped({ options });
    const plain = mapped({ model: "gpt-4.1", options });

    expect({ reasoning, temperature, max_output_tokens }).toEqual({
      reasoning: { effort: "high" },
      temperature: undefined,
      max_output_tokens: 16,
    });
    expect([plain.reasoning, plain.temperature]).toEqual([undefined, 0.5]);
  });

  it.each([
    ["gpt-5", "minimal"],
    ["gpt-5-mini-2025-08-07", "minimal"],
    ["gpt-5.1", "none"],
    ["o4-mini", "low"],
  ])("is told %s as little as it takes: %s", (model, effort) => {
    const none = create(ModelOptionsSchema, { thinking: ThinkingEffort.NONE });

    expect(mapped({ model, options: none }).reasoning).toEqual({ effort });
  });
});

it("holds the model to a schema strictly where the schema is closed", () => {
  const open = { type: "object", properties: { a: {} } };
  const closed = { ...open, required: ["a"], additionalProperties: false };
  const strict = [open, closed].map((schema) => mapped({ outputSchema: JSON.stringify(schema) }).text);

  expect(strict).toMatchObject([{ format: { strict: false } }, { format: { strict: true, schema: closed } }]);
});
