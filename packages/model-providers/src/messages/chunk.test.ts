import { type Fault, isFault } from "@stigmer/base";
import { FinishReason } from "@stigmer/contracts/agentic";
import type { ModelAnswer } from "@stigmer/gateway/port";
import { describe, expect, it } from "vitest";
import { asked, hearing } from "../asked.fake.ts";
import { folded } from "../folded.fake.ts";
import { beside, driver, faultOf, user, VENDORS } from "../vendors.fake.ts";
import { messagesChunk, messagesWhole } from "./chunk.ts";

const START = {
  type: "message_start",
  message: {
    model: "claude-sonnet-4-5-20250929",
    usage: { input_tokens: 10, cache_read_input_tokens: 200, cache_creation_input_tokens: 30, output_tokens: 1 },
  },
};

function answered(...events: object[]): ModelAnswer {
  return folded(events.map(messagesChunk));
}

function opened(index: number, content_block: object): object {
  return { type: "content_block_start", index, content_block };
}

function delta(index: number, fields: object): object {
  return { type: "content_block_delta", index, delta: fields };
}

function stopped(stop_reason: string, usage: object = { output_tokens: 7 }): object {
  return { type: "message_delta", delta: { stop_reason }, usage };
}

it("counts what is read from the cache and what is written to it as part of the request", () => {
  const { usage, servedModel } = answered(START, stopped("end_turn"), { type: "message_stop" });

  expect(usage).toMatchObject({
    inputTokens: 240n,
    cachedInputTokens: 200n,
    cacheWriteTokens: 30n,
    outputTokens: 7n,
  });
  expect(servedModel).toBe("claude-sonnet-4-5-20250929");
});

it("takes the counts of the end where they are all there", () => {
  const { usage } = answered(START, stopped("end_turn", { input_tokens: 50, output_tokens: 9 }));

  expect(usage).toMatchObject({ inputTokens: 50n, cachedInputTokens: 0n, outputTokens: 9n });
});

it("keeps blocks in their order, with thoughts as the provider wants them back", () => {
  const { message } = answered(
    opened(0, { type: "thinking", thinking: "", signature: "" }),
    delta(0, { type: "thinking_delta", thinking: "hm" }),
    delta(0, { type: "signature_delta", signature: "sig" }),
    opened(1, { type: "redacted_thinking", data: "enc" }),
    opened(2, { type: "text", text: "" }),
    delta(2, { type: "text_delta", text: "one" }),
    opened(3, { type: "thinking", thinking: "" }),
    delta(3, { type: "signature_delta", signature: "silent" }),
    opened(4, { type: "tool_use", id: "c1", name: "read", input: {} }),
    opened(5, { type: "text", text: "two" }),
    delta(4, { type: "input_json_delta", partial_json: '{"x":' }),
    delta(4, { type: "input_json_delta", partial_json: "1}" }),
  );

  expect(message.parts.map(({ part }) => part)).toMatchObject([
    { value: { text: "hm", signature: "sig", provider: "mine", redacted: false } },
    { value: { text: "", signature: "enc", redacted: true } },
    { value: "one" },
    { value: { text: "", signature: "silent", redacted: false } },
    { value: { id: "c1", arguments: '{"x":1}' } },
    { value: "two" },
  ]);
});

it.each([
  ["end_turn", FinishReason.STOP],
  ["stop_sequence", FinishReason.STOP],
  ["tool_use", FinishReason.TOOL_CALLS],
  ["max_tokens", FinishReason.LENGTH],
  ["model_context_window_exceeded", FinishReason.LENGTH],
  ["refusal", FinishReason.CONTENT_FILTER],
  ["pause_turn", FinishReason.UNSPECIFIED],
])("finish reason %s is known or unspecified", (word, reason) => {
  expect(answered(stopped(word)).finishReason).toBe(reason);
});

it("adds nothing for events of kinds that are not known", () => {
  const unknown = [{ type: "ping" }, { type: "news" }, opened(0, { type: "server_tool_use" }), delta(0, { type: "x" })];

  expect(answered(...unknown).message.parts).toEqual([]);
});

describe("an error in the middle of a stream", () => {
  it.each([
    ["overloaded_error", "PROVIDER_UNAVAILABLE"],
    ["api_error", "PROVIDER_UNAVAILABLE"],
    ["rate_limit_error", "PROVIDER_UNAVAILABLE"],
    ["timeout_error", "PROVIDER_UNAVAILABLE"],
    ["invalid_request_error", "PROVIDER_REFUSED"],
    ["authentication_error", "PROVIDER_REFUSED"],
    ["a_word_of_tomorrow", "PROVIDER_UNAVAILABLE"],
  ] as const)("of type %s is %s", async (type, reason) => {
    expect((await streamed({ type: "error", error: { type, message: "oh" } })).reason).toBe(reason);
  });

  it("may say that the conversation is too long", async () => {
    const error = { type: "invalid_request_error", message: "prompt is too long: 3 tokens > 2 maximum" };

    expect((await streamed({ type: "error", error })).reason).toBe("CONTEXT_OVERFLOW");
  });
});

it.each([undefined, "text", { type: "message" }, { type: "error", error: { message: "oh" } }])(
  "is no answer that came at once: %j",
  (value) => {
    expect(() => messagesWhole(value)).toThrow(expect.not.toSatisfy((error) => isFault(error)));
  },
);

async function streamed(...events: { type: string; [key: string]: unknown }[]): Promise<Fault> {
  const [vendor] = VENDORS.filter(({ name }) => name.startsWith("anthropic"));
  if (!vendor) throw new Error("there is no such vendor");
  const body = [START, ...events].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
  return await beside(vendor, { handler: () => ({ body }) }, ({ url }) =>
    faultOf(driver(vendor, url).generate(asked({ messages: [user("go")] }), hearing())),
  );
}
