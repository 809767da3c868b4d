import { FinishReason } from "@stigmer/contracts/agentic";
import type { ModelAnswer } from "@stigmer/gateway/port";
import { expect, it } from "vitest";
import { folded } from "../folded.fake.ts";
import { Trouble } from "../trouble.ts";
import { ollamaChunk, ollamaWhole } from "./chunk.ts";

function answered(...lines: object[]): ModelAnswer {
  return folded(lines.map(ollamaChunk));
}

function says(message: object): object {
  return { model: "qwen3:8b", message: { role: "assistant", content: "", ...message }, done: false };
}

function called(n: number, rest: object = {}): object {
  return { function: { name: "read", arguments: { n } }, ...rest };
}

it("tells calls apart that have neither id nor number, in one line and in several", () => {
  const { message } = answered(says({ tool_calls: [called(1), called(2)] }), says({ tool_calls: [called(3)] }));

  expect(message.parts.map(({ part }) => part.value)).toMatchObject([
    { id: "call_0", arguments: '{"n":1}' },
    { id: "call_1", arguments: '{"n":2}' },
    { id: "call_2", arguments: '{"n":3}' },
  ]);
});

it("tells calls apart that are all number 0", () => {
  const all = ["a", "b"].map((id, n) => ({ id, function: { index: 0, name: "read", arguments: { n } } }));
  const { message } = answered(...all.map((call) => says({ tool_calls: [call] })));

  expect(message.parts.map(({ part }) => part.value)).toMatchObject([
    { id: "a", arguments: '{"n":0}' },
    { id: "b", arguments: '{"n":1}' },
  ]);
});

it("keeps thoughts apart from the text, and counts tokens at the end", () => {
  const end = { model: "qwen3:8b", done: true, done_reason: "stop", prompt_eval_count: 26, eval_count: 282 };
  const answer = answered(says({ thinking: "h" }), says({ thinking: "m" }), says({ content: "yes" }), end);

  expect(answer.message.parts.map(({ part }) => part.value)).toMatchObject([{ text: "hm", provider: "mine" }, "yes"]);
  expect(answer).toMatchObject({ servedModel: "qwen3:8b", usage: { inputTokens: 26n, outputTokens: 282n } });
});

it.each([
  ["stop", FinishReason.STOP],
  [undefined, FinishReason.STOP],
  ["length", FinishReason.LENGTH],
  ["unload", FinishReason.UNSPECIFIED],
])("done reason %s is known or unspecified", (done_reason, reason) => {
  expect(answered({ done: true, done_reason }).finishReason).toBe(reason);
});

it("is an error in the middle of a stream", () => {
  expect(() => ollamaChunk({ error: "llama runner process has terminated" })).toThrow(/llama runner/);
  expect(() => ollamaChunk("text")).toThrow(Trouble);
});

it.each([undefined, {}, { message: "x" }, []])("is no answer that came at once: %j", (value) => {
  expect(() => ollamaWhole(value)).toThrow(Trouble);
});
