import { FinishReason } from "@stigmer/contracts/agentic";
import type { ModelAnswer } from "@stigmer/gateway/port";
import { describe, expect, it } from "vitest";
import { folded } from "../folded.fake.ts";
import { Trouble } from "../trouble.ts";
import { responsesChunk, responsesWhole } from "./chunk.ts";

function answered(...events: object[]): ModelAnswer {
  return folded(events.map(responsesChunk));
}

function added(output_index: number, item: object): object {
  return { type: "response.output_item.added", output_index, item };
}

function done(output_index: number, item: object): object {
  return { type: "response.output_item.done", output_index, item };
}

const CALL = { type: "function_call", id: "fc_1", call_id: "c1", name: "read", arguments: "" };

describe("tool calls", () => {
  it("are put together by their place, whatever comes between", () => {
    const { message } = answered(
      added(2, { ...CALL, call_id: "c2" }),
      added(1, CALL),
      { type: "response.function_call_arguments.delta", output_index: 2, delta: '{"b"' },
      { type: "response.function_call_arguments.delta", output_index: 1, delta: '{"a":1}' },
      { type: "response.function_call_arguments.delta", output_index: 2, delta: ":2}" },
    );

    expect(message.parts.map(({ part }) => part.value)).toMatchObject([
      { id: "c1", arguments: '{"a":1}' },
      { id: "c2", arguments: '{"b":2}' },
    ]);
  });

  it("are what their end says, where a server sends no pieces or sends them twice", () => {
    const item = { ...CALL, arguments: '{"a":1}' };
    const delta = { type: "response.function_call_arguments.delta", output_index: 0, delta: '{"a":1}' };

    for (const events of [[added(0, CALL)], [added(0, CALL), delta, delta], []]) {
      const { message } = answered(...events, done(0, item));
      expect(message.parts.map(({ part }) => part.value)).toMatchObject([{ id: "c1", arguments: '{"a":1}' }]);
    }
  });
});

describe("thoughts", () => {
  it("have their summaries, and the seal that comes at their end", () => {
    const delta = (text: string) => ({ type: "response.reasoning_summary_text.delta", output_index: 0, delta: text });
    const part = (summary_index: number) => ({
      type: "response.reasoning_summary_part.added",
      output_index: 0,
      summary_index,
    });
    const { message } = answered(
      part(0),
      delta("one"),
      part(1),
      delta("two"),
      done(0, { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "enc" }),
    );

    const [thought] = message.parts.map(({ part }) => part.value);
    expect(thought).toMatchObject({ text: "one\n\ntwo", provider: "mine", redacted: false });
    expect(JSON.parse((thought as { signature: string }).signature)).toEqual({ id: "rs_1", encrypted_content: "enc" });
  });

  it("are redacted where nobody else can read them", () => {
    const { message } = answered(done(0, { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "enc" }));

    expect(message.parts[0]?.part.value).toMatchObject({ text: "", redacted: true });
  });

  it("are nothing where they are empty", () => {
    expect(answered(done(0, { type: "reasoning", id: "rs_1", summary: [] })).message.parts).toEqual([]);
  });
});

describe("the end", () => {
  it.each([
    [{ status: "completed" }, FinishReason.STOP],
    [{ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }, FinishReason.LENGTH],
    [{ status: "incomplete", incomplete_details: { reason: "content_filter" } }, FinishReason.CONTENT_FILTER],
    [{ status: "incomplete" }, FinishReason.UNSPECIFIED],
  ])("%j has a reason", (response, reason) => {
    expect(answered({ type: "response.completed", response }).finishReason).toBe(reason);
  });

  it("counts tokens by their kind", () => {
    const usage = {
      ...{ input_tokens: 100, input_tokens_details: { cached_tokens: 60 } },
      ...{ output_tokens: 20, output_tokens_details: { reasoning_tokens: 15 } },
    };

    expect(answered({ type: "response.completed", response: { usage } }).usage).toMatchObject({
      ...{ inputTokens: 100n, cachedInputTokens: 60n },
      ...{ outputTokens: 20n, reasoningTokens: 15n },
    });
  });

  it.each([
    [{ type: "response.failed", response: { error: { code: "server_error", message: "oh" } } }, undefined],
    [{ type: "response.failed", response: { error: { code: "rate_limit_exceeded", message: "oh" } } }, 429],
    [{ type: "error", code: "context_length_exceeded", message: "too long" }, 400],
    [{ type: "error", error: { type: "invalid_request_error", message: "oh" } }, 400],
  ])("may be a failure: %j", (event, status) => {
    expect(() => responsesChunk(event)).toThrow(
      expect.toSatisfy((error) => error instanceof Trouble && error.status === status),
    );
  });
});

it.each([undefined, "text", {}, { output: "x" }, { error: { message: "oh" }, output: [] }])(
  "is no answer that came at once: %j",
  (value) => {
    expect(() => responsesWhole(value)).toThrow(Trouble);
  },
);
