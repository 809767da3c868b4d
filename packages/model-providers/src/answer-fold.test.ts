import { FinishReason, type Part } from "@stigmer/contracts/agentic";
import type { ModelAnswer } from "@stigmer/gateway/port";
import { describe, expect, it } from "vitest";
import { answerOf, emptyFold, foldChunk } from "./answer-fold.ts";
import { chatChunk } from "./chat/chunk.ts";
import { Trouble } from "./trouble.ts";

type Folded = { answer: ModelAnswer; streamed: string };

function folded(...chunks: object[]): Folded {
  let [fold, streamed] = [emptyFold, ""];
  for (const chunk of chunks) {
    const next = foldChunk(fold, chatChunk(chunk));
    fold = next.fold;
    streamed += next.added;
  }
  return { answer: answerOf(fold, { model: "asked", provider: "p" }), streamed };
}

function delta(delta: object, finish: string | null = null): object {
  return { choices: [{ index: 0, delta, finish_reason: finish }] };
}

function call(index: number | undefined, rest: { id?: string; name?: string; arguments?: unknown }): object {
  const { id, ...named } = rest;
  return delta({ tool_calls: [{ index, id, function: named }] });
}

function callsIn({ message }: ModelAnswer): object[] {
  return message.parts.flatMap(({ part }: Part) =>
    part.case === "toolCall" ? [{ id: part.value.id, name: part.value.name, arguments: part.value.arguments }] : [],
  );
}

describe("text", () => {
  it("is put together in order", () => {
    const { answer } = folded(delta({ content: "Good " }), delta({ content: "day" }), delta({}, "stop"));

    expect(answer.message.parts.map(({ part }) => part.value)).toEqual(["Good day"]);
  });

  it("is no part where there is none", () => {
    expect(folded(delta({ content: null }, "stop")).answer.message.parts).toEqual([]);
  });

  it("streams no half of a character that the server cut in two", () => {
    const { answer, streamed } = folded(
      delta({ content: "a\ud83d" }),
      delta({}),
      delta({ content: "\ude00b" }, "stop"),
    );

    expect(streamed).toBe("a😀b");
    expect(answer.message.parts[0]?.part.value).toBe("a😀b");
  });

  it("is well formed even where the server's is not", () => {
    const { answer, streamed } = folded(delta({ content: "a\ud83d" }), delta({ content: "b\ude00c\ud83d" }, "length"));

    expect(streamed).toBe("a\ufffdb\ufffdc");
    expect(answer.message.parts[0]?.part.value).toBe(streamed);
  });

  it("comes from a refusal, from parts of content, and from the first choice only", () => {
    expect(folded(delta({ content: null, refusal: "I won't" })).streamed).toBe("I won't");
    expect(folded(delta({ content: [{ type: "text", text: "a" }, { type: "thinking" }] })).streamed).toBe("a");
    expect(folded({ choices: [{ index: 1, delta: { content: "b" } }] }).streamed).toBe("");
  });

  it("is refused beyond 8 MiB, over all chunks", () => {
    const half = delta({ content: "x".repeat(4 * 1024 * 1024) });

    expect(folded(half, half).streamed.length).toBe(8 * 1024 * 1024);
    expect(() => folded(half, half, delta({ content: "x" }))).toThrow(Trouble);
  });
});

describe("tool calls", () => {
  it("are put together from fragments that alternate", () => {
    const { answer } = folded(
      call(0, { id: "a", name: "read", arguments: "" }),
      call(1, { id: "b", name: "write", arguments: '{"x"' }),
      call(0, { arguments: '{"y":' }),
      call(1, { arguments: ":1}" }),
      call(0, { arguments: "2}" }),
      delta({}, "tool_calls"),
    );

    expect(callsIn(answer)).toEqual([
      { id: "a", name: "read", arguments: '{"y":2}' },
      { id: "b", name: "write", arguments: '{"x":1}' },
    ]);
  });

  it("keep the provider's order where a later one comes first", () => {
    const { answer } = folded(
      call(2, { id: "c", name: "z" }),
      call(0, { arguments: '{"early":' }),
      call(0, { id: "a", name: "x", arguments: "1}" }),
    );

    expect(callsIn(answer)).toEqual([
      { id: "a", name: "x", arguments: '{"early":1}' },
      { id: "c", name: "z", arguments: "{}" },
    ]);
  });

  it("get an id from their place where they have none, a second one's, or one that is too long", () => {
    const { answer } = folded(
      call(0, { id: "call_1", name: "x" }),
      call(1, { name: "x" }),
      call(2, { id: "call_1", name: "x" }),
      call(3, { id: "i".repeat(257), name: "x" }),
    );

    expect(callsIn(answer).map((found) => "id" in found && found.id)).toEqual([
      "call_1",
      "call_1_1",
      "call_2",
      "call_3",
    ]);
  });

  it("are told apart where a server numbers all of them 0", () => {
    const { answer } = folded(
      call(0, { id: "a", name: "x", arguments: "{}" }),
      call(0, { id: "b", name: "x", arguments: '{"n":2}' }),
    );

    expect(callsIn(answer)).toEqual([
      { id: "a", name: "x", arguments: "{}" },
      { id: "b", name: "x", arguments: '{"n":2}' },
    ]);
  });

  it("are told apart where a server numbers none", () => {
    const { answer } = folded(
      call(undefined, { name: "x", arguments: '{"a"' }),
      call(undefined, { arguments: ":1}" }),
      call(undefined, { id: "b", name: "x", arguments: { n: 2 } }),
    );

    expect(callsIn(answer)).toEqual([
      { id: "call_0", name: "x", arguments: '{"a":1}' },
      { id: "b", name: "x", arguments: '{"n":2}' },
    ]);
  });

  it("stay one where a server repeats id and name, and are found again by their id", () => {
    const { answer } = folded(
      call(undefined, { id: "a", name: "x", arguments: '{"n"' }),
      call(undefined, { id: "b", name: "y" }),
      call(undefined, { id: "a", name: "x", arguments: ":1}" }),
    );

    expect(callsIn(answer)).toEqual([
      { id: "a", name: "x", arguments: '{"n":1}' },
      { id: "b", name: "y", arguments: "{}" },
    ]);
  });

  it("stay one where a server makes up a new id for each fragment", () => {
    const { answer } = folded(
      call(0, { id: "a", name: "x", arguments: "" }),
      call(0, { id: "b", name: "", arguments: '{"n":' }),
      call(0, { id: "c", name: "", arguments: "2}" }),
    );

    expect(callsIn(answer)).toEqual([{ id: "a", name: "x", arguments: '{"n":2}' }]);
  });

  it("keep arguments that are rubbish, as the model wrote them", () => {
    expect(callsIn(folded(call(0, { id: "a", name: "x", arguments: "{oops" })).answer)).toMatchObject([
      { arguments: "{oops" },
    ]);
  });

  it("are refused without a name", () => {
    expect(() => folded(call(0, { id: "a", arguments: "{}" }))).toThrow(Trouble);
    expect(() => folded(call(0, { id: "a", name: "n".repeat(257) }))).toThrow(Trouble);
  });

  it("are refused beyond 128, and beyond 1 MiB of arguments", () => {
    const many = Array.from({ length: 128 }, (_, i) => call(i, { id: `i${i}`, name: "x" }));
    const large = call(0, { name: "x", arguments: "x".repeat(1024 * 1024) });

    expect(callsIn(folded(...many, large).answer)).toHaveLength(128);
    expect(() => folded(...many, call(128, { id: "last", name: "x" }))).toThrow(Trouble);
    expect(() => folded(large, call(0, { arguments: "x" }))).toThrow(Trouble);
  });
});

describe("the rest", () => {
  it.each([
    ["stop", FinishReason.STOP],
    ["tool_calls", FinishReason.TOOL_CALLS],
    ["length", FinishReason.LENGTH],
    ["content_filter", FinishReason.CONTENT_FILTER],
    ["tired", FinishReason.UNSPECIFIED],
  ])("finish reason %s is known or unspecified", (word, reason) => {
    expect(folded(delta({ content: "x" }, word)).answer.finishReason).toBe(reason);
  });

  it("calls a stop after tool calls by its name", () => {
    expect(folded(call(0, { name: "x" }), delta({}, "stop")).answer.finishReason).toBe(FinishReason.TOOL_CALLS);
  });

  it("reads usage from a chunk without choices, cached tokens included", () => {
    const usage = { prompt_tokens: 10, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 8 } };
    const { answer } = folded(delta({ content: "x" }, "stop"), { choices: [], usage }, { choices: [], usage: null });

    expect(answer.usage).toMatchObject({ inputTokens: 10n, outputTokens: 3n, cachedInputTokens: 8n });
  });

  it("takes the last of several usages, and none where it makes no sense", () => {
    const { answer } = folded(
      { choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } },
      { choices: null, usage: { prompt_tokens: -4, completion_tokens: 2.5 } },
      { choices: [], usage: null },
    );

    expect(answer.usage).toMatchObject({ inputTokens: 0n, outputTokens: 0n });
  });

  it("names the model that served, else the one that was asked", () => {
    expect(folded({ model: "x".repeat(1000), choices: [] }).answer.servedModel).toHaveLength(256);
    expect(folded({ model: "gpt-5-2026", choices: [] }).answer.servedModel).toBe("gpt-5-2026");
    expect(folded(delta({ content: "x" })).answer.servedModel).toBe("asked");
  });

  it("refuses an error object, and what is no object", () => {
    expect(() => folded({ error: { message: "overloaded" } })).toThrow(/overloaded/);
    expect(() => chatChunk("text")).toThrow(Trouble);
    expect(() => chatChunk(undefined)).toThrow(Trouble);
  });
});
